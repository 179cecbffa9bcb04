#!/bin/sh
# Android's framework (API 23) for the compiler alone: install_android.sh FOLDER
# Debian has it in sid only, so a list of its own is read and nothing is installed.
set -eu
mkdir -p "$1/lists"
cd "$1"

package=libandroid-23-java version=6.0.1+r72-6
sha256=8af1b6df556971dda0a6da3536ea526a838e0c363afcdd454213d8bce94793e3
jar=usr/share/java/com.android.android-23.jar

debian() {
  apt-get --quiet -o Dir::Etc::SourceList="$PWD/sid.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/lists" -o APT::Sandbox::User=root "$@"
}

fetch() {
  mirror=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Label: Debian' | head -n 1)
  echo "deb $mirror sid main" > sid.list
  debian update && debian download "$package=$version"
}

if ! fetch > fetch.log 2>&1; then
  echo "No Android framework: apt did not give $package $version (see $PWD/fetch.log)."
  exit 0
fi
echo "$sha256 *$(echo "$package"_*.deb)" | sha256sum --check --quiet
dpkg-deb --fsys-tarfile "$package"_*.deb | tar --extract --strip-components 4 "./$jar"
rm -r lists "$package"_*.deb
