//! A cluster as the source: every kind listed and watched, each on a connection of its own.
//!
//! Nothing here is ever in doubt aloud. What was heard stays known through any outage of the API server; a
//! kind is replaced only by a whole list that is no older than what is known; and a kind whose definition the
//! cluster lacks is a note, until it appears.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{
    sync::{mpsc::Sender, watch},
    task::JoinSet,
};

pub(crate) use self::api::TROUBLES;
use self::{
    api::Api,
    follow::{Closed, Follower},
    kinds::RESOURCES,
    notes::Notes,
};
pub use self::{once::NotRead, pace::Pace};
use super::{Batch, Event};
use crate::{metrics::Metrics, model::Kind, status::Status};

mod api;
mod backoff;
mod decode;
mod events;
mod follow;
mod interner;
mod kinds;
mod last_valid;
mod notes;
mod once;
mod pace;
mod stale;

/// Why there is no cluster to watch.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file that was named is of no use.
    #[error("cannot use the kubeconfig {}: {message}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Nothing was named, and nothing was found.
    #[error(
        "found neither a kubeconfig ({kubeconfig}) nor a cluster around this process ({in_cluster}); name a \
         kubeconfig with --kubeconfig, run in a Pod with a ServiceAccount, or serve a folder of manifests with \
         --manifests"
    )]
    Nothing {
        /// What was wrong with the usual kubeconfig.
        kubeconfig: String,
        /// What was wrong with the environment of a Pod.
        in_cluster: String,
    },
    /// The connection cannot even be tried.
    #[error("cannot prepare connections to the API server: {0}")]
    Client(String),
}

/// Makes a client with the credentials as they are now.
type Connect =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Client, ConnectError>> + Send>> + Send + Sync>;

/// A cluster that can be followed.
#[derive(Debug)]
pub struct Kubernetes {
    url: String,
    api: Api,
    metrics: Metrics,
    pace: Arc<Pace>,
}

impl Kubernetes {
    /// Prepares to watch the cluster of a kubeconfig: this one, else that of `KUBECONFIG` or the home folder,
    /// else the cluster that this process runs in. Nothing is asked of the API server yet.
    ///
    /// # Errors
    /// [`ConnectError`] if there is no usable configuration.
    pub async fn open(kubeconfig: Option<PathBuf>, metrics: Metrics) -> Result<Self, ConnectError> {
        Self::with_pace(kubeconfig, metrics, Pace::default()).await
    }

    /// The same with other times to wait.
    ///
    /// # Errors
    /// [`ConnectError`] if there is no usable configuration.
    pub async fn with_pace(
        kubeconfig: Option<PathBuf>,
        metrics: Metrics,
        pace: Pace,
    ) -> Result<Self, ConnectError> {
        let pace = Arc::new(pace);
        let config = config(kubeconfig.clone()).await?;
        let url = config.cluster_url.to_string();
        let client = client(config)?;
        let cluster = url.clone();
        let connect: Connect = Arc::new(move || {
            let (kubeconfig, cluster) = (kubeconfig.clone(), cluster.clone());
            Box::pin(async move { client_of(kubeconfig, &cluster).await })
        });
        Ok(Self { url, api: Api::new(client, connect, pace.clone()), metrics, pace })
    }

    /// Where the API server is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes what is odd about splits to the cluster, as Events, until there is no status any more.
    pub fn write_events(
        &self,
        status: watch::Receiver<Arc<Status>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        events::write(self.api.clone(), status)
    }

    /// Follows the cluster until the receiver is gone. What it yields is why it ended.
    pub async fn follow(self, batches: Sender<Batch>) -> String {
        let notes = Arc::new(Notes::new(self.metrics.clone(), self.pace.news_after));
        // The slices say the same.
        let endpoints =
            Batch { events: vec![Event::Replace(Kind::Endpoints, Vec::new())], ..Batch::default() };
        if batches.send(endpoints).await.is_err() {
            return "nobody takes its events".to_owned();
        }
        let mut followers = JoinSet::new();
        for resource in &RESOURCES {
            // From here on nothing is news of it until something is heard.
            self.metrics.ages.heard(resource.kind);
            let (api, notes, metrics) = (self.api.clone(), notes.clone(), self.metrics.clone());
            let follower = Follower::new(resource, api, batches.clone(), notes, metrics, self.pace.clone());
            followers.spawn(follower.run());
        }
        let ended = tokio::select! {
            ended = followers.join_next() => ended,
            never = stale::tell(notes) => never,
        };
        match ended {
            Some(Err(panic)) => format!("what watches a kind died: {panic}"),
            Some(Ok(Err(Closed))) | Some(Ok(Ok(()))) | None => "nobody takes its events".to_owned(),
        }
    }
}

/// A client of the same cluster. A kubeconfig may name another one meanwhile, whose objects are not to be taken
/// for those of the first.
async fn client_of(kubeconfig: Option<PathBuf>, cluster: &str) -> Result<Client, ConnectError> {
    let config = config(kubeconfig).await?;
    if config.cluster_url != cluster {
        let (other, message) = (&config.cluster_url, "start again to watch that one");
        return Err(ConnectError::Client(format!(
            "the kubeconfig names {other} now, not {cluster}; {message}"
        )));
    }
    client(config)
}

fn client(mut config: Config) -> Result<Client, ConnectError> {
    // Followers try again by themselves, and have to know why; what the client hides would look like silence.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| ConnectError::Client(error.to_string()))
}

async fn config(kubeconfig: Option<PathBuf>) -> Result<Config, ConnectError> {
    let options = KubeConfigOptions::default();
    Ok(match kubeconfig {
        Some(path) => {
            let wrong = |message: String| ConnectError::Kubeconfig { path: path.clone(), message };
            let file = Kubeconfig::read_from(&path).map_err(|error| wrong(error.to_string()))?;
            Config::from_custom_kubeconfig(file, &options).await.map_err(|error| wrong(error.to_string()))?
        }
        None => match Config::from_kubeconfig(&options).await {
            Ok(config) => config,
            Err(kubeconfig) => Config::incluster().map_err(|in_cluster| ConnectError::Nothing {
                kubeconfig: kubeconfig.to_string(),
                in_cluster: in_cluster.to_string(),
            })?,
        },
    })
}
