//! How the health of a server is checked.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use backstop_core::release::within;
use backstop_core::resource::Deadline;

/// A health check, with the time in which it must succeed.
#[derive(Clone)]
pub struct HealthCheck {
    look: Look,
    timeout: Duration,
}

#[derive(Clone)]
enum Look {
    Running,
    Port(SocketAddr),
    Http(SocketAddr, String),
    Check(Arc<dyn Fn() -> Result<(), String> + Send + Sync>),
}

/// The maximum length of an answer's first line that is read.
const STATUS_LINE: usize = 256;

impl HealthCheck {
    /// Its process runs.
    #[must_use]
    pub fn running() -> Self {
        Self::of(Look::Running)
    }

    /// The port accepts a connection.
    #[must_use]
    pub fn port(address: SocketAddr) -> Self {
        Self::of(Look::Port(address))
    }

    /// A GET of this path is answered with the status 200.
    #[must_use]
    pub fn http(address: SocketAddr, path: impl Into<String>) -> Self {
        Self::of(Look::Http(address, path.into()))
    }

    /// A function returns Ok, else the reason. It runs on a thread with a deadline, so that a hang is a failure.
    #[must_use]
    pub fn check(check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self::of(Look::Check(Arc::new(check)))
    }

    /// How long one check may take. Default: 2 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    fn of(look: Look) -> Self {
        Self {
            look,
            timeout: Duration::from_secs(2),
        }
    }

    /// Runs the check. A process that has exited is noticed elsewhere.
    pub(super) fn look(&self) -> Result<(), String> {
        match &self.look {
            Look::Running => Ok(()),
            Look::Port(address) => TcpStream::connect_timeout(address, self.timeout)
                .map(drop)
                .map_err(|error| format!("{address} accepts no connection: {error}")),
            Look::Http(address, path) => self.get(*address, path),
            Look::Check(check) => {
                let check = Arc::clone(check);
                within(Deadline::after(self.timeout), move || check())
                    .unwrap_or_else(|error| Err(format!("the check {error}")))
            }
        }
    }

    fn get(&self, address: SocketAddr, path: &str) -> Result<(), String> {
        let deadline = Deadline::after(self.timeout);
        let failed = |error: std::io::Error| format!("http://{address}{path}: {error}");
        let mut stream = TcpStream::connect_timeout(&address, self.timeout).map_err(failed)?;
        stream
            .set_write_timeout(Some(self.timeout))
            .map_err(failed)?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut line = Vec::new();
        let mut byte = [0];
        // Byte by byte, each within the remaining time: a slow server must not exceed the deadline.
        while line.len() < STATUS_LINE && !line.ends_with(b"\r\n") {
            let left = deadline.remaining();
            if left.is_zero() {
                return Err(format!("http://{address}{path}: no answer in time"));
            }
            stream.set_read_timeout(Some(left)).map_err(failed)?;
            match stream.read(&mut byte).map_err(failed)? {
                0 => break,
                _ => line.push(byte[0]),
            }
        }
        let line = String::from_utf8_lossy(&line);
        match line.split_ascii_whitespace().nth(1) {
            Some("200") if line.starts_with("HTTP/") => Ok(()),
            _ => Err(format!("http://{address}{path} answers {:?}", line.trim())),
        }
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.look {
            Look::Running => formatter.write_str("HealthCheck(running)"),
            Look::Port(address) => write!(formatter, "HealthCheck(port {address})"),
            Look::Http(address, path) => write!(formatter, "HealthCheck(http://{address}{path})"),
            Look::Check(_) => formatter.write_str("HealthCheck(check)"),
        }
    }
}
