//! A listening port: it dies with its owner, and is released without blocking.

use std::borrow::Cow;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Mutex;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::release::Tracked;
use backstop_core::resource::{
    Blocking, Footprint, Kind, Presence, Progress, Step, TrackedResource,
};

/// Its kind.
pub const KIND: Kind = Kind::new("test.port");

/// A port of the loopback address.
#[derive(Debug)]
pub struct Port {
    number: u16,
    listener: Mutex<Option<TcpListener>>,
}

impl Port {
    /// Listens on a free port, and tracks it.
    ///
    /// # Panics
    /// No port is free.
    #[track_caller]
    pub fn open(backstop: &Backstop) -> Tracked<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        backstop.track(Self {
            number: listener.local_addr().expect("it is bound").port(),
            listener: Mutex::new(Some(listener)),
        })
    }

    /// The number of the port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Whether anybody listens there.
pub fn look(number: u16) -> Presence {
    match TcpStream::connect((Ipv4Addr::LOCALHOST, number)) {
        Ok(_) => Presence::Present { holder: None },
        Err(_) => Presence::Gone,
    }
}

impl TrackedResource for Port {
    fn kind(&self) -> Kind {
        KIND
    }
    fn label(&self) -> Cow<'static, str> {
        format!("port {}", self.number).into()
    }
    fn footprint(&self) -> Footprint {
        Footprint::handles(1)
    }
    fn blocking(&self) -> Blocking {
        Blocking::Never
    }
    fn release(&self, _: &Step) -> Result<Progress, Error> {
        drop(
            self.listener
                .lock()
                .expect("no thread panics with it")
                .take(),
        );
        Ok(Progress::Done)
    }
    fn verify(&self) -> Presence {
        match *self.listener.lock().expect("no thread panics with it") {
            Some(_) => Presence::Present { holder: None },
            None => Presence::Gone,
        }
    }
}
