#!/usr/bin/env bash
# Prints kubernetes.json: the fields of the built-in kinds that manifests are read of, and their types, from the
# OpenAPI v3 documents in the module k8s.io/kubernetes of the version that the test cluster runs:
#
#   src/source/manifests/schema/generate.sh > src/source/manifests/schema/kubernetes.json
#
# Needs Go (to find the module) and jq. A type is boolean, string, int32, int64, number, time, quantity,
# intOrString, any, the name of a type, or one of these after [] (a list) or {} (a mapping from strings).
set -euo pipefail
cd "$(dirname "$0")/../../../../tests/cluster/assets/kubernetes"
go mod download k8s.io/kubernetes
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
documents=$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/api/openapi-spec/v3
jq --slurp --compact-output --sort-keys --arg version "$version" '
  def name: split("/")[-1]
    | sub("^io.k8s.apimachinery.pkg.(apis.|util.|api.)?"; "") | sub("^io.k8s.api.core.v1.|^meta.v1."; "")
    | sub("^io.k8s.api."; "") | sub("[.]v1[.]"; ".");
  def type:
    if ."$ref" then (."$ref" | name)
    elif .allOf then (.allOf[0] | type)
    elif .type == "array" then "[]" + (.items | type)
    elif .type == "object" then "{}" + (.additionalProperties | type)
    elif .type == "integer" then (.format // "int64")
    elif .format == "date-time" then "time"
    else .type end;
  def fields: (.properties // {}) | map_values(type);
  (map(.components.schemas) | add | with_entries(.key |= name)) as $all
  | {"intstr.IntOrString": "intOrString", "resource.Quantity": "quantity", Time: "time", MicroTime: "time",
     FieldsV1: "any"} as $plain
  | def simple: if startswith("[]") or startswith("{}") then .[:2] + (.[2:] | simple) else ($plain[.] // .) end;
  def bare: if startswith("[]") or startswith("{}") then .[2:] | bare else . end;
  ($kinds | split(" ")) as $roots
  | def reach($seen; $todo):
      if $todo == [] then $seen
      else ($todo[0]) as $t
        | if $seen[$t] or ($all[$t].properties | not) then reach($seen; $todo[1:])
          else ($all[$t] | fields | map_values(simple)) as $f
            | reach($seen + {($t): $f}; $todo[1:] + ($f | map(bare)))
          end
      end;
  {version: $version, types: reach({}; $roots)}
' --arg kinds "Service Pod Node Endpoints ReplicationController apps.Deployment apps.StatefulSet apps.ReplicaSet apps.DaemonSet discovery.EndpointSlice batch.Job" \
  "$documents"/{api__v1,apis__apps__v1,apis__batch__v1,apis__discovery.k8s.io__v1}_openapi.json
