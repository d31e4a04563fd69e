//! A Prometheus that scrapes a server, on a free port of the loopback, with its data in a folder that goes with it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use crate::server::{PATIENCE, http_get};

/// How often the server is scraped, and the rules are evaluated, in seconds: several times in what a test takes.
const INTERVAL: &str = "1s";
/// How often is looked whether it has come so far; it tells nobody.
const LOOK: Duration = Duration::from_millis(100);

/// A Prometheus, killed when the test is over.
pub(crate) struct Prometheus {
    _child: Child,
    _folder: TempDir,
    addr: SocketAddr,
}

impl Prometheus {
    /// One that scrapes the admin port at this address, and has these rules.
    pub(crate) async fn scrape(target: SocketAddr, rules: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = format!(
            "global: {{scrape_interval: {INTERVAL}, scrape_timeout: {INTERVAL}, evaluation_interval: {INTERVAL}}}\n\
             rule_files: [rules.yaml]\n\
             scrape_configs: [{{job_name: switchyard, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        fs::write(folder.path().join("prometheus.yaml"), config).expect("written");
        fs::write(folder.path().join("rules.yaml"), rules).expect("written");
        // It cannot say which port it got, so it has to be told one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = free.local_addr().expect("bound");
        drop(free);
        let child = Command::new("prometheus")
            .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={addr}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus is installed");
        let prometheus = Self { _child: child, _folder: folder, addr };
        prometheus
            .wait_for("it is ready", async |prometheus| {
                http_get(prometheus.addr, "/-/ready").await.is_ok_and(|(code, _)| code == 200)
            })
            .await;
        prometheus
    }

    /// Waits until this is so.
    pub(crate) async fn wait_for(&self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let tries = PATIENCE.as_millis() / LOOK.as_millis();
        for _ in 0..tries {
            if is_so(self).await {
                return;
            }
            sleep(LOOK).await;
        }
        panic!("never came: {what}");
    }

    /// What its API says, or what it complains of.
    async fn api(&self, path: &str) -> Result<Value, String> {
        let (_, text) = http_get(self.addr, path).await.map_err(|error| error.to_string())?;
        // Long answers come in chunks, whose sizes stand between lines of hexadecimal digits; the JSON is one line.
        let json: String = text.lines().filter(|line| u32::from_str_radix(line, 16).is_err()).collect();
        let answer: Value = serde_json::from_str(&json).map_err(|error| format!("{error}: {text}"))?;
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].clone()),
            _ => Err(answer["error"].as_str().unwrap_or(&json).to_owned()),
        }
    }

    /// The values of a query, now.
    pub(crate) async fn query(&self, query: &str) -> Result<Vec<f64>, String> {
        let data = self.api(&format!("/api/v1/query?query={}", escaped(query))).await?;
        let of = |sample: &Value| sample["value"][1].as_str().and_then(|value| value.parse().ok());
        let samples = data["result"].as_array().ok_or("no vector")?;
        samples.iter().map(|sample| of(sample).ok_or_else(|| format!("{sample} is no sample"))).collect()
    }

    /// The values of a label that these series have.
    pub(crate) async fn label_values(&self, label: &str, series: &str) -> Result<Vec<String>, String> {
        let data = self.api(&format!("/api/v1/label/{label}/values?match[]={}", escaped(series))).await?;
        Ok(data.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Every alert with its expression, what went wrong when it was evaluated last, and whether anything did.
    pub(crate) async fn alerts(&self) -> Vec<Alert> {
        let data = self.api("/api/v1/rules").await.expect("it has rules");
        let groups = data["groups"].as_array().expect("groups").iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        let text = |rule: &Value, field: &str| rule[field].as_str().unwrap_or_default().to_owned();
        let alert = |rule: &Value| Alert {
            name: text(rule, "name"),
            query: text(rule, "query"),
            health: text(rule, "health"),
            state: text(rule, "state"),
            error: text(rule, "lastError"),
        };
        rules.map(alert).collect()
    }

    /// What went wrong when the server was scraped last.
    pub(crate) async fn scrape_error(&self) -> Option<String> {
        let data = self.api("/api/v1/targets").await.expect("it has targets");
        let error = data["activeTargets"][0]["lastError"].as_str().map(str::to_owned);
        error.filter(|error| !error.is_empty())
    }
}

/// An alert as Prometheus sees it.
#[derive(Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) query: String,
    /// `ok` once it was evaluated.
    pub(crate) health: String,
    /// `inactive` while nothing is wrong.
    pub(crate) state: String,
    pub(crate) error: String,
}

/// A value of a query.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
