//! What cargo knows of this workspace, reduced to what the commands ask.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use cargo_metadata::{DependencyKind, MetadataCommand};

/// The workspace: its location and its packages.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds, as `CARGO_TARGET_DIR` and the configuration have it.
    pub(crate) target: PathBuf,
    pub(crate) members: Vec<Member>,
}

/// One package of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Its manifest, relative to the root.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// Each feature with what it turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One line of a manifest's dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub(crate) name: String,
    pub(crate) optional: bool,
    /// Used only by tests, examples and benches.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> anyhow::Result<Self> {
        // Without resolving: the commands need only direct dependencies, and it works offline.
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .context("cargo cannot read the workspace")?;
        let root = metadata.workspace_root.into_std_path_buf();
        let members = metadata.packages.into_iter().map(|package| {
            let manifest = package.manifest_path.as_std_path();
            let manifest = manifest.strip_prefix(&root).unwrap_or(manifest);
            Member {
                name: package.name.to_string(),
                manifest: manifest.to_string_lossy().into_owned(),
                dependencies: package.dependencies.into_iter().map(dependency).collect(),
                features: package.features,
            }
        });
        Ok(Self {
            members: members.collect(),
            target: metadata.target_directory.into_std_path_buf(),
            root,
        })
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

fn dependency(from: cargo_metadata::Dependency) -> Dependency {
    Dependency {
        name: from.name,
        optional: from.optional,
        dev: from.kind == DependencyKind::Development,
    }
}
