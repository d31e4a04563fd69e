//! Who gets which address, and who keeps it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn name(number: u32) -> NsName {
    NsName::new("d", format!("pod-{number:05}"))
}

fn names(numbers: impl IntoIterator<Item = u32>) -> Vec<NsName> {
    numbers.into_iter().map(name).collect()
}

/// A range of two blocks, so that it is soon full.
fn small() -> Pool {
    Pool::new("10.0.0.0/23", Ipv4Addr::new(10, 0, 0, 0), 9)
}

fn assign(pool: &mut Pool, who: &[NsName], explicit: &[IpAddr]) -> Vec<Option<IpAddr>> {
    pool.assign(who.iter(), &explicit.iter().copied().collect());
    who.iter().map(|name| pool.of(name)).collect()
}

#[test]
fn addresses_lie_in_the_range_and_look_like_hosts() {
    for (mut pool, first, last) in [
        (Pool::pods(Family::V4), "10.244.0.1", "10.244.255.254"),
        (Pool::services(Family::V4), "10.96.0.1", "10.111.255.254"),
        (Pool::pods(Family::V6), "fd00:10:244::1", "fd00:10:244::fffe"),
        (Pool::services(Family::V6), "fd00:10:96::1", "fd00:10:96::f:fffe"),
    ] {
        assert_eq!(pool.address(0).to_string(), first);
        assert_eq!(pool.address(pool.size() - 1).to_string(), last);
        let who = names(0..5000);
        for address in assign(&mut pool, &who, &[]).into_iter().map(|a| a.expect("there are enough")) {
            let last = match address {
                IpAddr::V4(address) => address.octets()[3],
                IpAddr::V6(address) => address.octets()[15],
            };
            assert!(!matches!(last, 0 | 255), "{address}");
            assert_eq!(pool.place(address).map(|place| pool.address(place)), Some(address));
        }
    }
}

#[test]
fn two_runs_agree_and_nobody_shares() {
    let who = names(0..20_000);
    let (first, second) =
        (assign(&mut Pool::pods(Family::V4), &who, &[]), assign(&mut Pool::pods(Family::V4), &who, &[]));
    assert_eq!(first, second);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), who.len());
}

#[test]
fn explicit_addresses_are_not_given_out_and_are_given_up() {
    let mut pool = small();
    let before = assign(&mut pool, &names(0..1), &[])[0].expect("free");
    let after = assign(&mut pool, &names(0..1), &[before])[0].expect("another is free");
    assert_ne!(before, after);
    let again = assign(&mut pool, &names(0..1), &[])[0];
    assert_eq!(again, Some(after), "what is given stays given");
}

#[test]
fn a_full_range_refuses_and_takes_back_what_nobody_has() {
    let mut pool = small();
    let size = pool.size();
    assert_eq!(size, 508);
    let all = assign(&mut pool, &names(0..size + 10), &[]);
    assert_eq!(all.iter().flatten().count(), 508);
    assert!(all[..508].iter().all(Option::is_some), "the first by name are served");
    let next = assign(&mut pool, &names(1..size + 1), &[]);
    assert_eq!(next[..507], all[1..508], "those who are still there keep theirs");
    assert_eq!(next[507], all[0], "the one that was given back");
}

#[test]
fn explicit_addresses_count_only_within_the_range() {
    let mut pool = small();
    let block = |block| (1..255).map(move |last| IpAddr::from([10, 0, block, last]));
    let explicit: Vec<_> = block(0).chain(block(1)).skip(1).chain(block(7)).collect();
    assert_eq!(assign(&mut pool, &names(0..2), &explicit), [Some(IpAddr::from([10, 0, 0, 1])), None]);
}

proptest! {
    #[test]
    fn nobody_moves_when_others_come_and_go(
        steps in proptest::collection::vec(proptest::collection::btree_set(0_u32..700, 0..500), 1..8),
    ) {
        let mut pool = small();
        let mut last: BTreeMap<NsName, IpAddr> = BTreeMap::new();
        for step in steps {
            let who = names(step);
            let got = assign(&mut pool, &who, &[]);
            let now: BTreeMap<_, _> =
                who.into_iter().zip(got).map(|(n, a)| (n, a.expect("at most 500 of 508"))).collect();
            for (name, address) in &now {
                prop_assert!(last.get(name).is_none_or(|before| before == address), "{} moved", name);
            }
            prop_assert_eq!(now.values().collect::<BTreeSet<_>>().len(), now.len());
            last = now;
        }
    }
}

#[test]
fn address_of_a_name_never_changes() {
    let who = [NsName::new("default", "web-0")];
    for (mut pool, address) in [
        (Pool::pods(Family::V4), "10.244.189.249"),
        (Pool::services(Family::V4), "10.105.189.249"),
        (Pool::pods(Family::V6), "fd00:10:244::bdf9"),
        (Pool::services(Family::V6), "fd00:10:96::9:bdf9"),
    ] {
        assert_eq!(assign(&mut pool, &who, &[])[0].map(|ip| ip.to_string()).as_deref(), Some(address));
    }
}
