//! Objects that claim one address, and which of them own it.
//!
//! Claims of several namespaces are decided by age: the namespace of the oldest object owns the address, then the first
//! by name. A tenant that creates an object with the address of another tenant changes nothing for clients of that one.

use std::{
    collections::BTreeSet,
    iter,
    ops::Bound::{Excluded, Unbounded},
};

use crate::model::{Created, Name, NsName};

/// Sorts after every name that Kubernetes allows.
const AFTER_ALL_NAMES: &str = "\u{10ffff}";

/// Objects of one kind that claim one address, or one port of it; at least one. Every question costs the logarithm of
/// their number, and one step for each name that is read.
#[derive(Clone, Debug)]
pub struct Claims(Held);

#[derive(Clone, Debug)]
enum Held {
    One(Created, NsName),
    Many(Box<Many>),
}

#[derive(Clone, Debug, Default)]
struct Many {
    by_age: BTreeSet<(Created, NsName)>,
    by_name: BTreeSet<NsName>,
}

impl Claims {
    /// Adds a claim to `claims`, or removes it; the last one leaves `None`.
    pub(super) fn set(claims: &mut Option<Self>, created: Created, name: &NsName, added: bool) {
        let mut many = match claims.take() {
            None if added => {
                *claims = Some(Self(Held::One(created, name.clone())));
                return;
            }
            None => return,
            Some(Self(Held::Many(many))) => many,
            Some(Self(Held::One(created, name))) => {
                Box::new(Many { by_age: [(created, name.clone())].into(), by_name: [name].into() })
            }
        };
        if added {
            many.by_age.insert((created, name.clone()));
            many.by_name.insert(name.clone());
        } else if many.by_age.remove(&(created, name.clone())) {
            many.by_name.remove(name);
        }
        *claims = match many.by_age.len() {
            0 => None,
            1 => many.by_age.pop_first().map(|(created, name)| Self(Held::One(created, name))),
            _ => Some(Self(Held::Many(many))),
        };
    }

    /// The oldest object, whose namespace owns the address.
    #[must_use]
    pub fn oldest(&self) -> &NsName {
        match &self.0 {
            Held::One(_, name) => name,
            Held::Many(many) => &many.by_age.first().expect("more than one").1,
        }
    }

    /// The objects of the namespace that owns the address, by name.
    pub fn owners(&self) -> impl Iterator<Item = &NsName> {
        self.of(&self.oldest().namespace)
    }

    /// The objects of a namespace, by name.
    fn of(&self, namespace: &Name) -> impl Iterator<Item = &NsName> + use<'_> {
        let namespace = namespace.clone();
        let from = NsName { namespace: namespace.clone(), name: "".into() };
        self.range((Excluded(from), Unbounded)).take_while(move |name| name.namespace == namespace)
    }

    /// The objects of every other namespace than this one, by name.
    pub fn outside(&self, namespace: &Name) -> impl Iterator<Item = &NsName> + use<'_> {
        let name = |name: &str| NsName { namespace: namespace.clone(), name: name.into() };
        let before = self.range((Unbounded, Excluded(name(""))));
        before.chain(self.range((Excluded(name(AFTER_ALL_NAMES)), Unbounded)))
    }

    /// All objects, by name.
    pub fn all(&self) -> impl Iterator<Item = &NsName> {
        self.range((Unbounded, Unbounded))
    }

    /// Whether objects of several namespaces claim the address.
    pub(super) fn is_contested(&self) -> bool {
        self.outside(&self.oldest().namespace).next().is_some()
    }

    fn range(
        &self,
        range: (std::ops::Bound<NsName>, std::ops::Bound<NsName>),
    ) -> Box<dyn Iterator<Item = &NsName> + '_> {
        use std::ops::RangeBounds;
        match &self.0 {
            Held::One(_, name) => Box::new(iter::once(name).filter(move |name| range.contains(name))),
            Held::Many(many) => Box::new(many.by_name.range(range)),
        }
    }
}
