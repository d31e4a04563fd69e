//! How replicas are spread over Nodes.

use proptest::prelude::*;

use super::*;

/// The names of the Nodes of a workload's replicas.
fn placed(workload: u64, nodes: &[u64], replicas: usize) -> Vec<u64> {
    spread(combine(workload, 7), nodes, replicas).into_iter().map(|place| nodes[place]).collect()
}

fn nodes(count: u64) -> Vec<u64> {
    (0..count).map(|node| hash(&format!("node-{node}"))).collect()
}

#[test]
fn workloads_of_one_replica_are_spread_over_all_nodes() {
    let nodes = nodes(4);
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for workload in 0..400 {
        *counts.entry(placed(workload, &nodes, 1)[0]).or_default() += 1;
    }
    assert!(nodes.iter().all(|node| (60..=140).contains(&counts[node])), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nodes_differ_by_one_pod_at_most(workload: u64, count in 1_u64..20, replicas in 0_usize..100) {
        let nodes = nodes(count);
        let placed = placed(workload, &nodes, replicas);
        let counts: Vec<_> =
            nodes.iter().map(|node| placed.iter().filter(|on| *on == node).count()).collect();
        let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
        prop_assert!(most <= least.map(|least| least + 1), "{:?}", counts);
    }

    #[test]
    fn one_more_replica_moves_none(workload: u64, count in 1_u64..20, replicas in 0_usize..60) {
        let nodes = nodes(count);
        prop_assert_eq!(placed(workload, &nodes, replicas), &placed(workload, &nodes, replicas + 1)[..replicas]);
    }

    /// Adding the last Node, or removing it: the least that keeps the Nodes even is one Pod of every `count` + 1.
    #[test]
    fn one_more_node_moves_few_pods(count in 6_u64..30, share in 1_u64..=100) {
        const WORKLOADS: u64 = 200;
        let (before, after) = (nodes(count), nodes(count + 1));
        let replicas = usize::try_from((count * share).div_ceil(100)).expect("a small number");
        let mut moved = 0;
        for workload in 0..WORKLOADS {
            let (before, after) = (placed(workload, &before, replicas), placed(workload, &after, replicas));
            moved += before.iter().zip(&after).filter(|(before, after)| before != after).count();
        }
        let all = WORKLOADS as f64 * replicas as f64;
        let least = all / (count + 1) as f64;
        // A Node for each replica: a Pod that gives way finds the next Nodes taken.
        let bound = if share <= 50 { 3.0 } else { 7.0 };
        prop_assert!((moved as f64) < bound * least && (moved as f64) < 0.5 * all, "{} moved of {}", moved, all);
    }
}
