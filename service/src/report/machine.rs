//! The machine that a program runs on, for the reader of a report.

use std::path::PathBuf;

use backstop_core::resource::Bytes;
use serde::Serialize;

/// A description of this machine.
///
/// With the feature `machine` it is read by the library sysinfo, whose figures are the right ones where
/// price does not count; samples of memory and processes are the monitor's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Machine {
    /// Its host name.
    pub host: Option<String>,
    /// The operating system and its version.
    pub system: Option<String>,
    /// The version of the kernel.
    pub kernel: Option<String>,
    /// The processors' model.
    pub processor: Option<String>,
    /// How many logical processors.
    pub processors: usize,
    /// The memory, without swap.
    pub memory: Bytes,
    /// The disks.
    pub disks: Vec<Disk>,
    /// The user of this process, by name.
    pub user: Option<String>,
}

/// A mounted disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Disk {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Its file system.
    pub file_system: String,
    /// Its size.
    pub total: Bytes,
    /// What is available to this user.
    pub available: Bytes,
}

impl Machine {
    /// Reads the description of this machine. It takes some milliseconds.
    #[cfg(feature = "machine")]
    #[must_use]
    pub fn read() -> Self {
        use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kinds).ok();
        let cpus = system.as_ref().map_or(&[][..], System::cpus);
        let mounted = Disks::new_with_refreshed_list().ok();
        let mut disks: Vec<_> = mounted
            .iter()
            .flatten()
            .map(|disk| Disk {
                mount: disk.mount_point().to_owned(),
                file_system: disk.file_system().to_string_lossy().into_owned(),
                total: Bytes(disk.total_space()),
                available: Bytes(disk.available_space()),
            })
            .collect();
        disks.sort_by(|left, right| left.mount.cmp(&right.mount));
        // The same disk may be mounted many times, as in containers.
        disks.dedup_by_key(|disk| (disk.total, disk.available, disk.file_system.clone()));
        Self {
            host: System::host_name().ok(),
            system: System::long_os_version().ok(),
            kernel: System::kernel_version().ok(),
            processor: cpus
                .first()
                .map(|one| one.brand().trim().to_owned())
                .filter(|name| !name.is_empty()),
            processors: cpus.len(),
            memory: Bytes(system.as_ref().map_or(0, System::total_memory)),
            disks,
            user: user(),
        }
    }

    /// The description in lines, each a name and a value.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let mut add = |name, value: &Option<String>| {
            lines.extend(value.clone().map(|value| (name, value)));
        };
        add("Host", &self.host);
        add("System", &self.system);
        add("Kernel", &self.kernel);
        add("User", &self.user);
        let count = self.processors;
        lines.push(match &self.processor {
            Some(model) => ("Processors", format!("{count} ({model})")),
            None => ("Processors", count.to_string()),
        });
        lines.push(("Memory", self.memory.to_string()));
        let disk = |disk: &Disk| {
            let Disk {
                mount,
                file_system,
                total,
                available,
            } = disk;
            let text = format!(
                "{} ({file_system}): {available} available of {total}",
                mount.display()
            );
            ("Disk", text)
        };
        lines.extend(self.disks.iter().map(disk));
        lines
    }
}

/// The name of the user that runs this process.
#[cfg(feature = "machine")]
fn user() -> Option<String> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind, Users};
    let own = sysinfo::get_current_pid().ok()?;
    let mut system = System::new().ok()?;
    let kind = ProcessRefreshKind::nothing().with_user(UpdateKind::Always);
    let _ = system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, kind);
    let users = Users::new_with_refreshed_list().ok()?;
    let user = users.get_user_by_id(system.process(own)?.user_id()?)?;
    Some(user.name().to_owned())
}

#[cfg(all(test, feature = "machine"))]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_processors_and_memory() {
        let machine = Machine::read();
        assert!(
            machine.processors > 0 && machine.memory.0 > 1_000_000,
            "{machine:?}"
        );
        let lines = machine.lines();
        for name in ["Processors", "Memory"] {
            assert!(lines.iter().any(|(known, _)| *known == name), "{lines:?}");
        }
    }
}
