//! Structure of the kinds: which fields an object may have, and the type of each.
//!
//! Built-in kinds come from Kubernetes' OpenAPI documents, cut down by `generate.sh` to `kubernetes.json`; the others
//! from their CustomResourceDefinitions: ours in `deploy/crds`, and Linkerd's in `linkerd.yaml`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::source::manifests::yaml;

/// All kinds, read when the first object is checked.
pub(super) static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::read);

/// Structure of every kind.
#[derive(Debug)]
pub(super) struct Schemas {
    /// Types of built-in kinds by name, for [`Type::Named`].
    named: HashMap<Box<str>, Fields>,
    /// Custom kinds by `apiVersion` and `kind`.
    custom: HashMap<(Box<str>, Box<str>), Fields>,
}

/// Type of a value.
#[derive(Debug)]
pub(super) enum Type {
    Any,
    Boolean,
    /// A string; with limits if a CustomResourceDefinition has some.
    String(Limits),
    /// A whole number from `i64` to `i64`.
    Whole(i64, i64),
    /// A number that is not smaller than this.
    Number(Option<f64>),
    /// A point in time, RFC 3339.
    Time,
    Quantity,
    /// A whole number within the first range, or a string.
    IntOrString(Limits),
    /// A list of up to so many items.
    List(Box<Type>, usize),
    /// A mapping from any string.
    Map(Box<Type>),
    Object(Fields),
    /// A type of [`Schemas::named`].
    Named(Box<str>),
}

/// What a value of a custom kind must satisfy beside its type.
#[derive(Debug)]
pub(super) struct Limits {
    /// Smallest and largest number.
    pub(super) numbers: (i64, i64),
    /// Smallest and largest length in characters.
    pub(super) lengths: (usize, usize),
    /// Form of a string.
    pub(super) pattern: Option<Regex>,
    /// The only values there are; empty if any is allowed.
    pub(super) values: Vec<Box<str>>,
}

/// Fields of a mapping.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Every field.
    pub(super) known: BTreeMap<Box<str>, Type>,
    /// Those that must be there. Always empty for a built-in kind, of which the API server checks that in its own
    /// rules and after it has set defaults.
    pub(super) required: Vec<Box<str>>,
    /// Exactly one of these must be there, unless the list is empty.
    pub(super) one_of: Vec<Box<str>>,
    /// Other fields are kept as they are.
    pub(super) is_open: bool,
}

const WHOLE: (i64, i64) = (i64::MIN, i64::MAX);
const INT32: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);

impl Default for Limits {
    fn default() -> Self {
        Self { numbers: WHOLE, lengths: (0, usize::MAX), pattern: None, values: Vec::new() }
    }
}

/// `kubernetes.json`.
#[derive(Deserialize)]
struct Document {
    types: HashMap<Box<str>, BTreeMap<Box<str>, Box<str>>>,
}

impl Schemas {
    fn read() -> Self {
        let built_in: Document =
            serde_json::from_str(include_str!("kubernetes.json")).expect("kubernetes.json has this form");
        let fields = |fields: BTreeMap<Box<str>, Box<str>>| Fields {
            known: fields.into_iter().map(|(name, of)| (name, Type::named(&of))).collect(),
            ..Fields::default()
        };
        let named = built_in.types.into_iter().map(|(name, of)| (name, fields(of))).collect();
        let mut custom = HashMap::new();
        let definitions =
            [include_str!("../../../../deploy/crds/trafficsplits.yaml"), include_str!("linkerd.yaml")];
        for text in definitions {
            for document in yaml::parse(text.as_bytes()) {
                let value = document.expect("our own definitions are YAML").value;
                let of_list = value["items"].as_array().map(Vec::as_slice);
                for definition in of_list.unwrap_or(std::slice::from_ref(&value)) {
                    custom.extend(kinds(&definition["spec"]));
                }
            }
        }
        Self { named, custom }
    }

    /// The fields of an object of this kind; `None` if its structure is not known, as that of a version that an API
    /// server does not serve.
    pub(super) fn of(&self, api_version: &str, kind: &str) -> Option<&Fields> {
        let group = match api_version {
            "v1" => "",
            "apps/v1" => "apps.",
            "batch/v1" => "batch.",
            "discovery.k8s.io/v1" => "discovery.",
            _ => return self.custom.get(&(api_version.into(), kind.into())),
        };
        self.named.get(&*format!("{group}{kind}"))
    }

    /// A type by its name.
    pub(super) fn named(&self, name: &str) -> Option<&Fields> {
        self.named.get(name)
    }
}

/// The versions of the kind that a CustomResourceDefinition defines.
fn kinds(spec: &Value) -> impl Iterator<Item = ((Box<str>, Box<str>), Fields)> {
    let text = |value: &Value| value.as_str().expect("our own definitions have names").to_owned();
    let (group, kind) = (text(&spec["group"]), text(&spec["names"]["kind"]));
    let versions = spec["versions"].as_array().expect("our own definitions have versions");
    versions.iter().map(move |version| {
        let schema = &version["schema"]["openAPIV3Schema"];
        let mut fields = Fields::custom(schema);
        for (name, of) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "ObjectMeta")] {
            fields.known.insert(name.into(), Type::named(of));
        }
        let api_version = format!("{group}/{}", text(&version["name"]));
        ((api_version.into(), kind.as_str().into()), fields)
    })
}

impl Fields {
    /// The fields of an object in an OpenAPI schema.
    fn custom(schema: &Value) -> Self {
        let texts = |value: &Value| -> Vec<Box<str>> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
        };
        let known = schema["properties"].as_object().into_iter().flatten();
        let one_of = schema["oneOf"].as_array().into_iter().flatten();
        Self {
            known: known.map(|(name, of)| (name.as_str().into(), Type::custom(of))).collect(),
            required: texts(&schema["required"]),
            one_of: one_of.flat_map(|part| texts(&part["required"])).collect(),
            is_open: schema["x-kubernetes-preserve-unknown-fields"] == true,
        }
    }
}

impl Type {
    /// A type as `kubernetes.json` writes it.
    fn named(text: &str) -> Self {
        if let Some(of) = text.strip_prefix("[]") {
            return Self::List(Box::new(Self::named(of)), usize::MAX);
        }
        if let Some(of) = text.strip_prefix("{}") {
            return Self::Map(Box::new(Self::named(of)));
        }
        match text {
            "any" => Self::Any,
            "boolean" => Self::Boolean,
            "string" => Self::String(Limits::default()),
            "int32" => Self::Whole(INT32.0, INT32.1),
            "int64" => Self::Whole(WHOLE.0, WHOLE.1),
            "number" => Self::Number(None),
            "time" => Self::Time,
            "quantity" => Self::Quantity,
            "intOrString" => Self::IntOrString(Limits { numbers: INT32, ..Limits::default() }),
            name => Self::Named(name.into()),
        }
    }

    /// A type in an OpenAPI schema.
    fn custom(schema: &Value) -> Self {
        let length = |name: &str, or| {
            schema[name].as_u64().map_or(or, |length| usize::try_from(length).unwrap_or(usize::MAX))
        };
        let range = if schema["format"] == "int32" { INT32 } else { WHOLE };
        let number = |name: &str, or| schema[name].as_i64().unwrap_or(or);
        let limits = || Limits {
            numbers: (number("minimum", range.0), number("maximum", range.1)),
            lengths: (length("minLength", 0), length("maxLength", usize::MAX)),
            pattern: schema["pattern"]
                .as_str()
                .map(|pattern| Regex::new(pattern).expect("our own patterns are regular expressions")),
            values: schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect(),
        };
        if schema["x-kubernetes-int-or-string"] == true {
            return Self::IntOrString(limits());
        }
        match schema["type"].as_str() {
            Some("object") => Self::Object(Fields::custom(schema)),
            Some("array") => {
                Self::List(Box::new(Self::custom(&schema["items"])), length("maxItems", usize::MAX))
            }
            Some("boolean") => Self::Boolean,
            Some("integer") => {
                let (from, to) = limits().numbers;
                Self::Whole(from, to)
            }
            Some("number") => Self::Number(schema["minimum"].as_f64()),
            Some("string") if schema["format"] == "date-time" => Self::Time,
            Some("string") => Self::String(limits()),
            _ => Self::Any,
        }
    }
}
