#!/usr/bin/env bash
# Builds the programs of the test cluster from their Go modules and leaves them in one folder:
#
#   tests/cluster/assets/build.sh [folder]     (target/cluster-assets if none is named)
#
# The tests look for them in the folder of KUBEBUILDER_ASSETS, then in that default. If KUBEBUILDER_ASSETS has all
# of them nothing is built. Otherwise a program is built if it is missing, or if its go.mod, its go.sum or this
# script changed since. Needs Go, and the Go module proxy the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../../target/cluster-assets}

# What each module leaves in the folder. tests/cluster/control_plane/assets.rs has the same list.
declare -A leaves=(
  [etcd]="etcd"
  [kubernetes]="kube-apiserver kube-controller-manager kube-scheduler kubectl"
  [kwok]="kwok"
  [flagger]="flagger flagger-crd.yaml"
)
order="etcd kwok flagger kubernetes"

missing() { # folder file...
  local folder=$1 file
  shift
  for file in "$@"; do [[ -e $folder/$file ]] || echo "$file"; done
}

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
  # shellcheck disable=SC2086 # a list of names
  lacking=$(missing "$KUBEBUILDER_ASSETS" ${leaves[*]})
  if [[ -z $lacking ]]; then
    printf '%s\n' "$KUBEBUILDER_ASSETS"
    exit
  fi
  echo "KUBEBUILDER_ASSETS lacks ${lacking//$'\n'/ }: another folder gets them all" >&2
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
# The same bytes from everybody: no C, no paths, no stamps of this repository.
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off

build() { # package file [linker flags]
  go build -ldflags "-s -w ${3:-}" -o "$out/$2" "$1"
}

build_etcd() { build go.etcd.io/etcd/server/v3 etcd; }
build_kwok() { build sigs.k8s.io/kwok/cmd/kwok kwok; }

build_flagger() {
  build github.com/fluxcd/flagger/cmd/flagger flagger
  install -m 644 "$(go list -m -f '{{.Dir}}' github.com/fluxcd/flagger)/artifacts/flagger/crd.yaml" \
    "$out/flagger-crd.yaml"
}

build_kubernetes() {
  # A server that does not know its version answers /version with an empty one, and clients refuse it.
  local version minor package program flags=""
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
    flags+=" -X $package.gitTreeState=clean"
  done
  for program in ${leaves[kubernetes]}; do
    build "k8s.io/kubernetes/cmd/$program" "$program" "$flags"
  done
}

TIMEFORMAT='%0R s, %0U s of CPU'
for module in $order; do
  stamp=$(cat "$here/$module/go.mod" "$here/$module/go.sum" "$here/build.sh" | sha256sum)
  # shellcheck disable=SC2086 # a list of names
  if [[ -z $(missing "$out" ${leaves[$module]}) && $(cat "$out/.$module" 2>/dev/null) == "$stamp" ]]; then
    echo "$module: built before" >&2
    continue
  fi
  command -v go >/dev/null || { echo "$module must be built, and that needs Go" >&2; exit 1; }
  printf '%s: ' "$module" >&2
  cd "$here/$module"
  # Not `time build || ...`: that would switch off `set -e` inside.
  time "build_$module"
  echo "$stamp" >"$out/.$module"
done
printf '%s\n' "$out"
