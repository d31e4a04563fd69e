//! Which split divides the traffic to a service, which others do not, and what becomes of each backend.

use serde::{Deserialize, Serialize};

use super::{
    Explaining, Fate, Listed, Serving, count,
    get::Told,
    serving::{Search, Wanted, arithmetic, milli},
};
use crate::{
    authority::local_reference,
    context::Reading,
    model::{MAX_SPLITS_OF_APEX, NsName, Service, TrafficSplit},
    resolve::{
        Look,
        endpoints::unsuitable,
        split::{Backend as Part, Split, Undivided, undivided, winner},
    },
    weight::Milli,
};

/// How the traffic to a service is divided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Splits {
    /// The Service.
    pub apex: String,
    /// The split that divides its traffic; `None` if it serves itself.
    pub applied: Option<String>,
    /// Why it is that one, or why there is none.
    pub why: String,
    /// Every split that names the service as its apex, the one with precedence first.
    pub standings: Listed<Standing>,
    /// The weights of all backends together, as Kubernetes writes it.
    pub total: String,
    /// The backends of the split with precedence, in its order.
    pub backends: Listed<Backend>,
    /// What it lists that is no Service of its namespace.
    pub ignored: Listed<Ignored>,
}

/// A split among those of its apex.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// When it was created, in RFC 3339.
    pub created: Option<String>,
    /// Whether it has precedence.
    pub wins: bool,
    /// Why it does, or does not.
    pub why: String,
}

/// A backend of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backend {
    /// The Service.
    pub service: String,
    /// Its weight in the split, as Kubernetes writes it: `500m`, `1`.
    pub weight: String,
    /// The same as a part of all weights, in parts per billion.
    pub share: u64,
    /// What becomes of it.
    pub state: BackendState,
    /// Why.
    pub why: String,
    /// Its endpoints; `None` if it can have none.
    pub serving: Option<Serving>,
}

/// What becomes of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendState {
    /// It has endpoints for this client and gets its share.
    Serves,
    /// It has none; its share goes to the others.
    Empty,
    /// The split gives it nothing.
    NoWeight,
    /// There is no such Service.
    Missing,
    /// The Service is of a kind without endpoints of its own.
    Unsuitable,
    /// The Service lacks the port.
    NoPort,
}

/// A backend that is passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ignored {
    /// As it is written.
    pub service: String,
    /// Why it is passed over.
    pub why: String,
}

impl<'a> Explaining<'a> {
    /// How the traffic to a service is divided; `told` is what `Get` answers, if that was asked.
    pub(super) fn splits(
        &self,
        look: &mut Look<'a>,
        apex: &NsName,
        told: Option<&Told<'a>>,
        search: &mut Search,
    ) -> Splits {
        let won = winner(self.cluster, apex);
        let all: Vec<_> = self.cluster.splits_of_apex(apex).map(|split| &**split).collect();
        let mut splits = Splits {
            apex: apex.to_string(),
            standings: all.iter().map(|split| standing(split, won, all.len())).collect(),
            ..Splits::default()
        };
        let Some(service) = look.service(apex) else {
            splits.why = match won {
                Some(won) => format!("TrafficSplit {} names {apex}, but there is no such Service", won.name),
                None => format!("there is no Service {apex}"),
            };
            return splits;
        };
        let Some(won) = won else {
            splits.why = match all.len() {
                0 => format!("no TrafficSplit names {apex} as its apex"),
                n => format!("{} for {apex}, of which none can be applied", count(n, "TrafficSplit")),
            };
            return splits;
        };
        let port = self.port();
        let split = match undivided(service, port) {
            None => look.split_of(service, port),
            Some(why) => {
                splits.why = format!(
                    "TrafficSplit {} names {apex}, but {}",
                    won.name,
                    match why {
                        Undivided::Unsuitable => "the Service has no endpoints of its own".to_owned(),
                        Undivided::Headless =>
                            "the Service is headless: its clients choose themselves".to_owned(),
                        Undivided::NoPort => service.lacks_port(port).unwrap_or_default(),
                    }
                );
                None
            }
        };
        let Some(split) = split else { return splits };
        if split.total > 0 {
            splits.applied = Some(won.name.to_string());
            splits.why = match all.len() {
                1 => format!("the only one for {apex}"),
                n => format!("it has precedence over {}", count(n - 1, "other")),
            };
        } else {
            splits.why = format!(
                "TrafficSplit {} gives no backend of its namespace any weight: {apex} serves itself",
                won.name
            );
        }
        splits.total = milli(split.total);
        for part in &split.backends {
            let backend = self.backend(look, &split, part, told, search);
            splits.backends.add(|| backend);
        }
        if splits.backends.items.iter().any(|backend| backend.state == BackendState::Serves) {
            let empty =
                splits.backends.items.iter_mut().filter(|backend| backend.state == BackendState::Empty);
            empty.for_each(|backend| backend.why += "; its share goes to the others");
        }
        splits.ignored = self.ignored(won);
        splits
    }

    fn ignored(&self, won: &TrafficSplit) -> Listed<Ignored> {
        let namespace = &won.name.namespace;
        let foreign = won
            .backends
            .iter()
            .filter(|backend| local_reference(&backend.service, namespace, self.cluster.domain()).is_err());
        let ignored = foreign.map(|backend| Ignored {
            service: backend.service.to_string(),
            why: format!(
                "not a Service of namespace {namespace}: its weight {} counts for nobody",
                backend.weight
            ),
        });
        ignored.collect()
    }

    fn backend(
        &self,
        look: &mut Look<'a>,
        split: &Split<'a>,
        part: &Part<'a>,
        told: Option<&Told<'a>>,
        search: &mut Search,
    ) -> Backend {
        let (name, port) = (&part.name, self.port());
        let (state, why) = match (look.service(name), part.serves(port)) {
            (None, _) => (BackendState::Missing, format!("there is no Service {name}")),
            (Some(service), None) => match unsuitable(service) {
                Some((_, _, message)) => (BackendState::Unsuitable, message),
                None => (BackendState::NoPort, service.lacks_port(port).unwrap_or_default()),
            },
            (Some(_), Some(service)) => return self.served(look, split, part, service, told, search),
        };
        Backend { state, why, ..bare(split, part) }
    }

    fn served(
        &self,
        look: &mut Look<'a>,
        split: &Split<'a>,
        part: &Part<'a>,
        service: &'a Service,
        told: Option<&Told<'a>>,
        search: &mut Search,
    ) -> Backend {
        let name = &part.name;
        let answered = told.filter(|told| told.is_split).and_then(|told| told.part(name));
        let excuse = if part.weight == Milli::ZERO {
            (Fate::NoWeight, "the split gives its backend no weight".to_owned())
        } else if self.question.context.reading == Reading::Leaf || told.is_none() {
            (Fate::AskedForItself, format!("this client asks for {name} itself"))
        } else {
            (Fate::AskedForItself, "the split is not in the answer".to_owned())
        };
        let weight_why = match answered {
            Some(answered) => arithmetic(part.weight, split.total, answered.selected.len(), answered.weight),
            None => excuse.1.clone(),
        };
        let wanted = Wanted {
            service,
            instance: None,
            backend: Some(name),
            part: answered,
            excuse: Some(excuse),
            weight_why,
        };
        let is_answer = told.is_some_and(|told| told.is_split);
        let mut serving = self.serving(look, &wanted, Some(search).filter(|_| is_answer));
        let ready = look.has_endpoints(service, self.port());
        let (state, why) = if part.weight == Milli::ZERO {
            (BackendState::NoWeight, "the split gives it no weight".to_owned())
        } else if answered.is_some() {
            (BackendState::Serves, String::new())
        } else if !ready || is_answer {
            (BackendState::Empty, self.why_empty(look, service, None, Some(&serving)))
        } else {
            (BackendState::Serves, String::new())
        };
        if !is_answer {
            // The client asks for the backend itself, and so may the reader; here they would be noise.
            serving.given = Listed::default();
            serving.left_out = Listed::default();
            serving.left_out_by.retain(|count| count.fate != Fate::AskedForItself);
        }
        Backend { state, why, serving: Some(serving), ..bare(split, part) }
    }
}

/// A backend without a word of what becomes of it.
fn bare(split: &Split<'_>, part: &Part<'_>) -> Backend {
    // Nothing of nothing is nothing.
    let share = (1_000_000_000 * u128::from(part.weight.get())).checked_div(split.total).unwrap_or_default();
    Backend {
        service: part.name.to_string(),
        weight: part.weight.to_string(),
        share: u64::try_from(share).unwrap_or(u64::MAX),
        state: BackendState::Missing,
        why: String::new(),
        serving: None,
    }
}

fn standing(split: &TrafficSplit, won: Option<&TrafficSplit>, all: usize) -> Standing {
    let wins = won.is_some_and(|won| won.name == split.name);
    let why = if split.has_matches {
        "it has matches, so that it is for some requests only, which cannot be said here: it is not applied"
            .to_owned()
    } else if wins {
        if all == 1 {
            "the only one".to_owned()
        } else {
            "the oldest (or first by name) that can be applied".to_owned()
        }
    } else {
        lost(split, won)
    };
    Standing {
        name: split.name.to_string(),
        created: split.created.map(|created| created.to_string()),
        wins,
        why,
    }
}

fn lost(split: &TrafficSplit, won: Option<&TrafficSplit>) -> String {
    let Some(won) = won else {
        return format!(
            "the {MAX_SPLITS_OF_APEX} that are older (or first by name) are considered, and no more"
        );
    };
    match (won.created, split.created) {
        (Some(a), Some(b)) if a < b => format!("{} is older", won.name),
        (Some(_), None) => format!("it has no creation time, and {} has one", won.name),
        _ => format!("it is as old as {}, which comes first by name", won.name),
    }
}
