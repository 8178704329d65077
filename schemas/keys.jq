# The keys of a JSON Schema: path, type and whether it is required, separated
# by tabs, one line per key. Objects in lists have the path `list[].key`.

def target($root): if has("$ref") then ."$ref"[2:] as $at | $root | getpath($at / "/") else . end;

# A schema without the null that an absent value could be.
def core($root): (if has("anyOf") then .anyOf[] | select(.type? != "null") else . end) | target($root);

def kind:
    if has("oneOf") then "string"
    elif .type | type == "array" then [.type[] | select(. != "null")][0]
    else .type end;

def keys($root; $above):
    (.required // []) as $required
    | .properties // {} | to_entries[]
    | .key as $key
    | ($above + $key) as $path
    | any($required[]; . == $key) as $is_required
    | .value | core($root)
    | [$path, kind, if $is_required then "required" else "optional" end],
      (select(kind == "object") | keys($root; $path + ".")),
      (select(kind == "array") | .items | core($root) | select(kind == "object")
          | keys($root; $path + "[]."));

. as $root | keys($root; "") | @tsv
