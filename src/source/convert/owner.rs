//! Who an object belongs to.

use super::{Rejection, read::At};
use crate::model::{Controller, NsName, OwnerRef};

/// A ReplicaSet or a Job.
pub(super) fn controller(name: NsName, root: &At<'_, '_>) -> Result<Controller, Rejection> {
    Ok(Controller { name, owner: owner(root)? })
}

/// The owner of an object, if it has exactly one: of several nobody can say which one it is.
pub(super) fn owner(root: &At<'_, '_>) -> Result<Option<OwnerRef>, Rejection> {
    let metadata = root.get("metadata")?;
    let references = metadata.get("ownerReferences")?;
    let mut owners = references.items()?;
    let (Some(owner), None) = (owners.next(), owners.next()) else { return Ok(None) };
    let kind = owner.get("kind")?.name()?;
    let name = owner.get("name")?.name()?;
    Ok(kind.zip(name).map(|(kind, name)| OwnerRef { kind: kind.as_str().into(), name }))
}
