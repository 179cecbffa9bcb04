import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    id("com.android.library")
}

android {
    namespace = "fpd.pose"
    compileSdk = 36

    defaultConfig { minSdk = 24 }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

kotlin {
    compilerOptions { jvmTarget = JvmTarget.JVM_17 }
}

dependencies {
    implementation("com.google.ai.edge.litert:litert:2.3.2")
    // Since LiteRT 2.3.0 the GPU accelerator is an artefact of its own.
    implementation("com.google.ai.edge.litert:litert-gpu:2.3.2")
    testImplementation("junit:junit:4.13.2")
}
