Pod::Spec.new do |spec|
  spec.name = 'FPDPose'
  spec.version = '1.0.0'
  spec.summary = 'One person\'s joints from camera frames, on the device.'
  spec.homepage = 'http://example.com'
  spec.license = 'Apache-2.0'
  spec.author = 'fpd_tf'
  spec.source = { :path => '.' }
  spec.ios.deployment_target = '15.0'
  spec.swift_version = '5.9'
  spec.static_framework = true
  spec.source_files = 'Sources/FPDPose/*.swift'
  spec.resource_bundles = { 'FPDPose' => ['Sources/FPDPose/Resources/*'] }
  spec.dependency 'TensorFlowLiteSwift', '~> 2.17'
end
