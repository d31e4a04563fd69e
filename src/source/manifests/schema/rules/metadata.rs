//! Rules for `metadata`, of objects and of templates.

use crate::source::convert::read::At;

use super::super::{
    Faults,
    names::{Form, LABEL, LABEL_VALUE, QUALIFIED, labels},
};

/// Keys and values of all annotations together, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Checks the metadata of an object whose name has this form.
pub(super) fn check(root: &At<'_, '_>, name: Form, is_namespaced: bool, faults: &mut Faults) {
    let metadata = root.field("metadata");
    name.check(&metadata.field("name"), faults);
    if is_namespaced {
        LABEL.check(&metadata.field("namespace"), faults);
    }
    template(&metadata, faults);
    let mut has_controller = false;
    for owner in metadata.field("ownerReferences").list() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            let at = owner.field(field);
            if at.str().is_empty() {
                faults.add(at.wrong("a string that is not empty"));
            }
        }
        let controller = owner.field("controller");
        if controller.value() == true && std::mem::replace(&mut has_controller, true) {
            faults.add(controller.reject("expected one owner that is the controller, found another"));
        }
    }
    for finalizer in metadata.field("finalizers").list() {
        QUALIFIED.check_required(&finalizer, faults);
    }
}

/// Checks labels and annotations, also those of a template.
pub(super) fn template(metadata: &At<'_, '_>, faults: &mut Faults) {
    labels(&metadata.field("labels"), faults);
    let annotations = metadata.field("annotations");
    let mut size = 0;
    for (key, value) in annotations.entries() {
        size += key.len() + value.str().len();
        // Keys of annotations may have capital letters where those of labels may not.
        if !QUALIFIED.accepts(&key.to_lowercase()) {
            faults.add(value.reject(format!("expected a qualified name as the key, found {key:?}")));
        }
    }
    if size > MAX_ANNOTATIONS {
        faults.add(annotations.reject(format!("expected at most {MAX_ANNOTATIONS} bytes, found {size}")));
    }
}

/// Checks a selector by labels.
pub(super) fn selector(at: &At<'_, '_>, faults: &mut Faults) {
    labels(&at.field("matchLabels"), faults);
    for expression in at.field("matchExpressions").list() {
        let (key, operator, values) =
            (expression.field("key"), expression.field("operator"), expression.field("values"));
        QUALIFIED.check_required(&key, faults);
        let count = values.list().count();
        match operator.str() {
            "In" | "NotIn" if count == 0 => faults.add(values.wrong("a list of values")),
            "Exists" | "DoesNotExist" if count > 0 => {
                faults.add(values.reject(format!("expected no values with {}", operator.str())));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => faults.add(operator.wrong("one of In, NotIn, Exists, DoesNotExist")),
        }
        for value in values.list() {
            LABEL_VALUE.check(&value, faults);
        }
    }
}
