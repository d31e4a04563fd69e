//! Batches of events that change a service of [`cluster`](crate::cluster), in pairs that undo each other.

use std::{ops::Range, sync::Arc};

use switchyard::{
    model::{Kind, Object, ObjectId, PodSpec},
    source::Event,
};

use crate::cluster::{IN_A_SLICE, pod, pod_of, slice, template};

/// Batches that replace so many Pods of the first service by new ones, and back: each old Pod goes, its
/// successor comes, and the slices say so. They are as far apart as possible.
pub(super) fn replaced(service: &str, count: u32, replacements: u32) -> [Vec<Event>; 2] {
    let (spec, labels) = template(service);
    let apart = count / replacements;
    let is_replaced = |number: u32| number.is_multiple_of(apart) && number / apart < replacements;
    let successor = |number: u32| number + (1 << 15);
    let slices = |now: &dyn Fn(u32) -> u32| -> Vec<Event> {
        let indexes = (0..count.div_ceil(IN_A_SLICE))
            .map(|index| index * IN_A_SLICE..count.min((index + 1) * IN_A_SLICE));
        let touched = indexes.enumerate().filter(|(_, numbers)| numbers.clone().any(is_replaced));
        let slice = |(index, numbers): (usize, Range<u32>)| {
            let index = u32::try_from(index).expect("few");
            Event::Upsert(slice(service, 0, index, numbers.map(now)))
        };
        touched.map(slice).collect()
    };
    let batch = |slices: Vec<Event>, from: &dyn Fn(u32) -> u32, to: &dyn Fn(u32) -> u32| {
        let pods = (0..count).filter(|number| is_replaced(*number)).flat_map(|number| {
            let gone = ObjectId { kind: Kind::Pod, name: pod_of(service, from(number)) };
            let come = pod(service, &spec, &labels, 0, to(number));
            [Event::Remove(gone), Event::Upsert(Object::Pod(Arc::new(come)))]
        });
        pods.chain(slices).collect()
    };
    let same = |number| number;
    let other = |number| if is_replaced(number) { successor(number) } else { number };
    [batch(slices(&same), &successor, &same), batch(slices(&other), &same, &successor)]
}

/// Batches that change what the template of one Pod says, and back.
pub(super) fn relabelled(service: &str, count: u32) -> [Vec<Event>; 2] {
    let (spec, labels) = template(service);
    let account = |account: &str| {
        let spec = Arc::new(PodSpec { service_account: account.into(), ..(*spec).clone() });
        vec![Event::Upsert(Object::Pod(Arc::new(pod(service, &spec, &labels, 0, count / 2))))]
    };
    [account(service), account("another")]
}

/// Batches that give the first service one endpoint more, and take it back.
pub(super) fn one_more(service: &str, count: u32) -> [Vec<Event>; 2] {
    let last = (count - 1) / IN_A_SLICE;
    let numbers = last * IN_A_SLICE..count;
    let more = slice(service, 0, last, numbers.clone().chain([count]));
    [slice(service, 0, last, numbers), more].map(|slice| vec![Event::Upsert(slice)])
}
