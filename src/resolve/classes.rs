//! Metadata that endpoints have in common, encoded once.

use std::{collections::HashMap, sync::Arc};

use prost::Message;

use super::{MeshOptions, metadata, pool::zone_of};
use crate::{
    cluster::{Backing, PodClass, StoredEndpoint},
    model::Name,
};

/// So few classes are never worth looking through.
const FEW_CLASSES: usize = 4;

/// The address of a class, which stays its own as long as the class is kept; the zone; and the port.
type ClassKey = (usize, Option<Name>, u16);

/// Encoded metadata that endpoints have in common, encoded once for all Pods of a class.
#[derive(Debug, Default)]
pub(super) struct Classes {
    of_pods: HashMap<ClassKey, (Arc<PodClass>, Arc<[u8]>)>,
    look_through_at: usize,
}

impl Classes {
    /// That of a [usable](super::reader::Reader::ready) endpoint.
    pub(super) fn of(&mut self, stored: &StoredEndpoint, ports: (u16, u16), mesh: &MeshOptions) -> Arc<[u8]> {
        let zone = zone_of(stored);
        let encoded = || -> Arc<[u8]> {
            let addr = metadata::describe(&stored.backing, ports, zone, mesh).unwrap_or_default();
            addr.encode_to_vec().into()
        };
        let Backing::Pod { class, .. } = &stored.backing else { return encoded() };
        if self.of_pods.len() >= self.look_through_at.max(FEW_CLASSES) {
            // Rollouts leave classes behind that no endpoint has any more.
            self.of_pods.retain(|_, (_, bytes)| Arc::strong_count(bytes) > 1);
            self.look_through_at = 2 * self.of_pods.len();
        }
        let key = (Arc::as_ptr(class).addr(), zone.cloned(), ports.1);
        self.of_pods.entry(key).or_insert_with(|| (class.clone(), encoded())).1.clone()
    }
}
