//! Proves that a PID still belongs to the recorded process.

use std::io;

use super::identity_reading;
use super::pinned::PinnedProcess;
use crate::identity::{Cookie, ProcessIdentity, Refusal};
use crate::liveness::Liveness;

impl PinnedProcess {
    /// Pins the recorded process, or refuses with the evidence.
    ///
    /// With pidfs, the inode of the pidfd is decisive. Without it, the start time, the cookie in
    /// the environment and the executable must all match: start times have ticks of 10 ms and
    /// collide when PIDs are reused quickly.
    ///
    /// # Errors
    /// See [`Refusal`]. A process that has exited counts as gone, even before it is reaped.
    pub fn verify(expected: &ProcessIdentity, cookie: Option<&Cookie>) -> Result<Self, Refusal> {
        let boot = identity_reading::boot().map_err(|error| unreadable("the boot id", &error))?;
        if boot != expected.boot {
            return Err(gone(format!(
                "recorded in boot {}, this is {boot}",
                expected.boot
            )));
        }
        let namespace = identity_reading::pid_namespace()
            .map_err(|error| unreadable("the pid namespace", &error))?;
        if namespace != expected.pid_namespace {
            return Err(Refusal::Unprovable {
                evidence: format!(
                    "recorded in pid namespace {}, this is {namespace}",
                    expected.pid_namespace
                ),
            });
        }
        let pinned = Self::pin(expected.pid).map_err(|error| not_pinned(expected.pid, &error))?;
        let inode = identity_reading::pidfs_inode(rustix::fd::AsFd::as_fd(&pinned))
            .map_err(|error| unreadable("the pidfd", &error))?;
        match (expected.pidfs_inode, inode) {
            (Some(recorded), Some(found)) if recorded != found => {
                return Err(Refusal::Different {
                    evidence: format!(
                        "process {} has pidfs inode {found}, recorded: {recorded}",
                        expected.pid
                    ),
                });
            }
            (Some(_), Some(_)) => {}
            _ => pinned.agrees_in_all_else(expected, cookie)?,
        }
        match pinned.liveness() {
            Ok(Liveness::Running) => Ok(pinned),
            Ok(Liveness::Unreaped) => Err(Refusal::Gone {
                unreaped: true,
                evidence: format!("process {} has exited and waits to be reaped", expected.pid),
            }),
            Ok(Liveness::Gone) => Err(no_process(expected.pid)),
            Err(error) => Err(unreadable("the pidfd", &error)),
        }
    }

    /// The proof for kernels before 6.9.
    fn agrees_in_all_else(
        &self,
        expected: &ProcessIdentity,
        cookie: Option<&Cookie>,
    ) -> Result<(), Refusal> {
        let pid = expected.pid;
        let read = |error: io::Error| match error.raw_os_error() {
            Some(libc::ESRCH) => no_process(pid),
            _ => unreadable(&format!("process {pid}"), &error),
        };
        let found = self.identity().map_err(read)?;
        if found.start_ticks != expected.start_ticks {
            // The start time of a process never changes, so this proves a successor.
            return Err(Refusal::Different {
                evidence: format!(
                    "process {pid} started at tick {}, recorded: {}",
                    found.start_ticks, expected.start_ticks
                ),
            });
        }
        let unprovable = |missing: &str| Refusal::Unprovable {
            evidence: format!("process {pid} has no recorded pidfs inode and {missing}"),
        };
        if expected.executable.is_none() || found.executable != expected.executable {
            return Err(unprovable("does not execute the recorded program"));
        }
        let cookie = cookie.ok_or_else(|| unprovable("no cookie was recorded"))?;
        if self.has_cookie(cookie).map_err(read)? {
            Ok(())
        } else {
            Err(unprovable("does not carry the cookie"))
        }
    }
}

fn gone(evidence: String) -> Refusal {
    Refusal::Gone {
        unreaped: false,
        evidence,
    }
}

fn no_process(pid: i32) -> Refusal {
    gone(format!("no process has PID {pid}"))
}

fn unreadable(what: &str, error: &io::Error) -> Refusal {
    Refusal::Unprovable {
        evidence: format!("{what} cannot be read: {error}"),
    }
}

fn not_pinned(pid: i32, error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(libc::ESRCH) => no_process(pid),
        // A process stays the leader of its PID until it is reaped.
        Some(libc::EINVAL | libc::ENOENT) => Refusal::Different {
            evidence: format!("PID {pid} belongs to a thread"),
        },
        _ => unreadable(&format!("process {pid}"), error),
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "only clone3 can choose a PID")]
mod tests {
    use super::*;
    use crate::liveness::Delivery;
    use crate::process;
    use crate::signal::Signal;
    use backstop_suites::{Suite, skip};
    use std::process::{Child, Command};
    use std::time::Duration;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_recorded_process_is_proven() {
        let child = sleeper();
        let identity = process::identity_of(child.id() as i32).unwrap();
        if identity.pidfs_inode.is_some() {
            assert_eq!(
                PinnedProcess::verify(&identity, None).unwrap().pid(),
                identity.pid
            );
        } else {
            skip(Suite::Pidfs, "this kernel has no pidfs");
        }
        end(child);
    }

    #[test]
    fn without_pidfs_all_the_evidence_is_needed() {
        let cookie = Cookie::random();
        let child = Command::new("sleep")
            .arg("60")
            .env(Cookie::ENVIRONMENT_VARIABLE, cookie.to_string())
            .spawn()
            .unwrap();
        let mut identity = process::identity_of(child.id() as i32).unwrap();
        identity.pidfs_inode = None;
        assert!(PinnedProcess::verify(&identity, Some(&cookie)).is_ok());

        let unprovable = |identity: &ProcessIdentity, cookie: Option<&Cookie>| {
            matches!(
                PinnedProcess::verify(identity, cookie),
                Err(Refusal::Unprovable { .. })
            )
        };
        assert!(unprovable(&identity, None));
        assert!(unprovable(&identity, Some(&Cookie::random())));
        assert!(unprovable(
            &ProcessIdentity {
                executable: None,
                ..identity
            },
            Some(&cookie)
        ));
        let later = ProcessIdentity {
            start_ticks: identity.start_ticks + 1,
            ..identity
        };
        assert!(matches!(
            PinnedProcess::verify(&later, Some(&cookie)),
            Err(Refusal::Different { .. })
        ));
        end(child);
    }

    #[test]
    fn other_boots_and_namespaces_are_refused_before_anything_is_pinned() {
        let own = process::identity_of_self().unwrap();
        let boot = crate::identity::BootId::from_bytes([7; 16]);
        let refusal = PinnedProcess::verify(&ProcessIdentity { boot, ..own }, None).unwrap_err();
        assert!(
            matches!(
                refusal,
                Refusal::Gone {
                    unreaped: false,
                    ..
                }
            ),
            "{refusal}"
        );
        let foreign = ProcessIdentity {
            pid_namespace: 1,
            ..own
        };
        let refusal = PinnedProcess::verify(&foreign, None).unwrap_err();
        assert!(matches!(refusal, Refusal::Unprovable { .. }), "{refusal}");
    }

    #[test]
    fn an_exited_process_is_gone_before_and_after_it_is_reaped() {
        let mut child = sleeper();
        let identity = process::identity_of(child.id() as i32).unwrap();
        let pinned = PinnedProcess::pin(identity.pid).unwrap();
        child.kill().unwrap();
        assert!(pinned.wait_exit(Duration::from_secs(10)).unwrap());
        if identity.pidfs_inode.is_some() {
            let refusal = PinnedProcess::verify(&identity, None).unwrap_err();
            assert!(
                matches!(refusal, Refusal::Gone { unreaped: true, .. }),
                "{refusal}"
            );
        }
        child.wait().unwrap();
        assert!(
            PinnedProcess::verify(&identity, None)
                .unwrap_err()
                .proves_gone()
        );
    }

    /// Forks a child that only waits, with this PID. `None`: that is not permitted here.
    fn child_with_number(pid: i32) -> Option<PinnedProcess> {
        for _ in 0..200 {
            // SAFETY: all zeros are the documented default of clone_args.
            let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
            arguments.exit_signal = libc::SIGCHLD as u64;
            arguments.set_tid = &raw const pid as u64;
            arguments.set_tid_size = 1;
            // SAFETY: without CLONE_VM this is a fork; the arguments outlive the call, and the
            // child below makes only async-signal-safe calls.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_clone3,
                    &raw const arguments,
                    size_of::<libc::clone_args>(),
                )
            };
            match result {
                0 => loop {
                    // SAFETY: pause takes nothing and touches no memory.
                    unsafe { libc::pause() };
                },
                -1 => match io::Error::last_os_error().raw_os_error() {
                    // The PID is not free yet, or another process has it.
                    Some(libc::EEXIST) => std::thread::sleep(Duration::from_millis(5)),
                    _ => return None,
                },
                _ => return Some(PinnedProcess::pin(pid).unwrap()),
            }
        }
        None
    }

    #[test]
    fn a_reused_pid_is_another_process_and_a_stale_pin_signals_none() {
        let child = sleeper();
        let pid = child.id() as i32;
        let recorded = process::identity_of(pid).unwrap();
        let stale = PinnedProcess::pin(pid).unwrap();
        end(child);
        let Some(successor) = child_with_number(pid) else {
            skip(Suite::PidReuse, "choosing a PID is not permitted here");
            return;
        };

        let found = successor.identity().unwrap();
        assert_eq!(found.pid, recorded.pid);
        assert_ne!(found, recorded);
        assert_eq!(stale.signal(Signal::KILL).unwrap(), Delivery::AlreadyGone);
        assert_eq!(stale.liveness().unwrap(), Liveness::Gone);
        assert!(
            stale.identity().is_err(),
            "the successor's identity was returned for the dead process"
        );
        assert!(stale.stat().is_err());
        assert!(stale.reap().is_none());
        let refusal = PinnedProcess::verify(&recorded, None).unwrap_err();
        if recorded.pidfs_inode.is_some() {
            assert!(matches!(refusal, Refusal::Different { .. }), "{refusal}");
        }
        // The same record from a kernel without pidfs, with a start time that collides.
        let collision = ProcessIdentity {
            pidfs_inode: None,
            start_ticks: found.start_ticks,
            ..recorded
        };
        let refusal = PinnedProcess::verify(&collision, Some(&Cookie::random())).unwrap_err();
        assert!(matches!(refusal, Refusal::Unprovable { .. }), "{refusal}");

        assert_eq!(successor.liveness().unwrap(), Liveness::Running);
        let _ = successor.signal(Signal::KILL).unwrap();
        assert!(successor.wait_exit(Duration::from_secs(10)).unwrap());
        assert!(successor.reap().is_some());
    }
}
