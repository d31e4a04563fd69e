//! `switchyard plan`, as typed.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum, builder::BoolishValueParser};

use super::{AnswerArgs, parse};
use crate::source::manifests::{EditFile, Removal};

/// `switchyard plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    /// What would be applied: a file, a folder (sub-folders too), or - for standard input; may be repeated
    ///
    /// What `kubectl apply -f` takes. Its objects take the place of those of the same kind, namespace and name.
    #[arg(
        short = 'f',
        long = "filename",
        env = "SWITCHYARD_FILENAME",
        value_name = "FILE",
        required_unless_present = "remove"
    )]
    pub filename: Vec<EditFile>,

    /// What would be deleted, as KIND/NAMESPACE/NAME or KIND/NAME; may be repeated, or comma separated
    ///
    /// For example TrafficSplit/default/reviews or ts/reviews.
    #[arg(long, env = "SWITCHYARD_REMOVE", value_name = "OBJECT", value_delimiter = ',')]
    pub remove: Vec<Removal>,

    /// Plan over these manifests as they are now: a folder (sub-folders too), one file, or - for standard input
    ///
    /// What the cluster's controllers would make of the edit (Pods of a Deployment, endpoints) is seen as well.
    /// Without it the cluster is read, once; nothing is written to it.
    #[arg(long, env = "SWITCHYARD_MANIFESTS", value_name = "PATH", conflicts_with = "kubeconfig")]
    pub manifests: Option<PathBuf>,

    /// Plan over the cluster of this kubeconfig [default: KUBECONFIG or ~/.kube/config, else the cluster around]
    #[arg(long, env = "SWITCHYARD_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// How long reading the cluster may take
    #[arg(long, env = "SWITCHYARD_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = parse::some_duration)]
    pub timeout: Duration,

    /// The namespace of objects of the edit that name none
    #[arg(short = 'n', long, env = "SWITCHYARD_NAMESPACE", value_name = "NAME", default_value = "default", value_parser = parse::namespace)]
    pub namespace: String,

    /// Plan for the client with this context token, and no other
    ///
    /// Without it answers are compared for a client in each zone, node or namespace where they differ.
    #[arg(long, env = "SWITCHYARD_TOKEN", value_name = "TEXT", hide_env_values = true)]
    pub token: Option<String>,

    /// Text for people, Markdown for a pull request, or JSON for programs
    #[arg(short = 'o', long, env = "SWITCHYARD_OUTPUT", value_enum, default_value_t)]
    pub output: PlanOutput,

    /// End with exit code 4 if any answer changes
    #[arg(long, env = "SWITCHYARD_EXIT_CODE", value_parser = BoolishValueParser::new())]
    pub exit_code: bool,

    /// On what answers depend. The last, for what comes after it would be listed under its heading.
    #[command(flatten)]
    pub answers: AnswerArgs,
}

/// What a plan looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    /// Text for people
    #[default]
    Table,
    /// Markdown, for a comment on a pull request
    Markdown,
    /// JSON for programs: one object
    Json,
}

const EXAMPLES: &str = "\
Examples:
  # What would this file do to what is in the folder?
  switchyard plan --manifests examples/bookinfo -f edited/split.yaml

  # What if this split goes?
  switchyard plan --manifests examples/bookinfo --remove ts/reviews

  # Over the cluster of the kubeconfig, for a pull request; fails if the edit brings warnings
  switchyard plan -f deploy/ -o markdown

  # Whatever prints manifests
  kustomize build overlays/canary | switchyard plan -f - --exit-code

Exit codes:
  0  no answer changes, or answers change and no warning comes
  1  failed: the edit, the manifests or the cluster cannot be read (what is wrong is said)
  2  wrong usage
  3  the edit brings warnings, or takes the last ready endpoint of a Service
  4  with --exit-code: answers change, and no warning comes";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::PlanArgs;
    use crate::{
        cli::{Cli, Command},
        source::manifests::EditFile,
    };

    fn parse(flags: &str) -> Result<PlanArgs, String> {
        let line = format!("switchyard plan {flags}");
        match Cli::try_parse_from(line.split_whitespace()) {
            Ok(Cli { command: Command::Plan(args) }) => Ok(*args),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn files_and_removals_may_be_repeated() {
        let args = parse("-f a -f - -f b --remove Service/a,Service/n/b --remove node/c").unwrap();
        let path = |path: &str| EditFile::Path(path.into());
        assert_eq!(args.filename, [path("a"), EditFile::Stdin, path("b")]);
        assert_eq!(args.remove.len(), 3);
        assert!(parse("--remove TrafficSplit/d/x").is_ok());
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (flags, expect) in [
            ("", "--filename <FILE>"),
            ("--manifests a --kubeconfig b -f c", "cannot be used with"),
            ("--remove split/a", "write KIND/NAMESPACE/NAME or KIND/NAME, where KIND is one of Service, "),
            ("--remove Service", "write KIND/NAMESPACE/NAME"),
            ("--remove Node/d/n", "write KIND/NAMESPACE/NAME"),
            ("-f a -n A", "write the name of a namespace"),
            ("-f a -o xml", "possible values: table, markdown, json"),
            ("-f a --timeout 0", "write a duration above 0"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(expect), "{flags}: {error}");
        }
    }
}
