//! A plan as JSON: all of it, one object on one line.
//!
//! `before` and `after` are `null` where there is nothing. Weights of backends are as the split declares them
//! (`"500m"`), those of endpoints and overrides as they are answered; `share_ppb` is a part of the traffic in parts
//! per billion.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Shown;
use crate::{
    model::TargetRef,
    plan::{
        Answered, BackendPart, Changes, Destination, EndpointPart, EndpointsChange, OverridePart,
        ProfileChange,
    },
};

pub(super) fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let Shown { plan, notes } = shown;
    let value = json!({
        "destinations": plan.destinations.iter().map(destination).collect::<Value>(),
        "warnings": { "brought": plan.brought, "removed": plan.removed },
        "notes": notes,
    });
    writeln!(out, "{value}")
}

fn destination(destination: &Destination) -> Value {
    let Destination { service, port, clients, changes: Changes { merged, leaf, profile } } = destination;
    json!({
        "service": service.to_string(),
        "port": port,
        "clients": clients.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "get": merged.as_ref().map(endpoints),
        "get_leaf": leaf.as_ref().map(endpoints),
        "get_profile": profile.as_ref().map(self::profile),
    })
}

fn endpoints(change: &EndpointsChange) -> Value {
    let answered = |answered: Answered| match answered {
        Answered::Absent => json!({ "exists": false, "endpoints": 0 }),
        Answered::Endpoints(count) => json!({ "exists": true, "endpoints": count }),
    };
    let backend = |part: &BackendPart| {
        json!({
            "weight": part.weight.map(|weight| weight.to_string()),
            "endpoints": part.endpoints,
            "share_ppb": part.share.ppb(),
        })
    };
    let backends = change.backends.iter().map(|change| {
        json!({
            "name": change.name.to_string(),
            "before": change.before.as_ref().map(backend),
            "after": change.after.as_ref().map(backend),
        })
    });
    let endpoints = change.endpoints.iter().map(|change| {
        json!({
            "addr": change.addr.to_string(),
            "before": change.before.as_ref().map(endpoint),
            "after": change.after.as_ref().map(endpoint),
            "metadata": change.fields,
        })
    });
    json!({
        "before": answered(change.before),
        "after": answered(change.after),
        "labels_differ": change.labels,
        "backends": backends.collect::<Value>(),
        "endpoints": endpoints.collect::<Value>(),
    })
}

fn endpoint(part: &EndpointPart) -> Value {
    let target = match &part.target {
        TargetRef::Pod(name) => Some(format!("Pod {name}")),
        TargetRef::Workload(name) => Some(format!("ExternalWorkload {name}")),
        TargetRef::None | TargetRef::Other(_) => None,
    };
    json!({
        "backends": part.backends.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "target": target,
        "weight": part.weight,
        "share_ppb": part.share.ppb(),
    })
}

fn profile(change: &ProfileChange) -> Value {
    let part = |part: &OverridePart| json!({ "weight": part.weight, "share_ppb": part.share.ppb() });
    let overrides = change.overrides.iter().map(|change| {
        json!({
            "authority": change.authority,
            "before": change.before.as_ref().map(part),
            "after": change.after.as_ref().map(part),
        })
    });
    json!({
        "before": { "empty": !change.before },
        "after": { "empty": !change.after },
        "overrides": overrides.collect::<Value>(),
        "fields": change.fields,
    })
}
