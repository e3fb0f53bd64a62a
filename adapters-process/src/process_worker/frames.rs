//! The lines of the exchange.

use std::fmt;
use std::io::{BufRead, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use backstop_core::error::{Error, ErrorKind, Stage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::thread::panic_text;

/// The longest line either way.
const LONGEST: u64 = 64 << 20;
/// How much of an invalid answer an error shows.
const SHOWN: usize = 120;

#[derive(Serialize)]
pub(super) struct Request<'a, Q> {
    pub(super) id: u64,
    pub(super) request: &'a Q,
}

#[derive(Deserialize)]
struct Asked {
    id: u64,
    request: Value,
}

#[derive(Serialize, Deserialize)]
struct Reply {
    id: u64,
    #[serde(flatten)]
    answer: Answer,
}

/// The result of a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    Answer(Value),
    Error(String),
}

pub(super) fn line<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_vec(value)
        .map_err(|cause| corrupt("a value cannot be written as JSON").with_source(cause))?;
    if line.len() as u64 >= LONGEST {
        return Err(
            Error::new(ErrorKind::Limit, Stage::Use, "the line is too long")
                .with("bytes", line.len())
                .with("limit", LONGEST),
        );
    }
    line.push(b'\n');
    Ok(line)
}

pub(super) fn read_answer(output: &mut impl BufRead, id: u64) -> Result<Answer, Error> {
    let line = read_line(output)?.ok_or_else(|| {
        Error::new(
            ErrorKind::Io,
            Stage::Use,
            "the process ended before it answered",
        )
    })?;
    let reply: Reply = serde_json::from_slice(&line).map_err(|cause| {
        corrupt("the process wrote a line that is not a valid answer")
            .with("line", shown(&line))
            .with_source(cause)
    })?;
    if reply.id == id {
        Ok(reply.answer)
    } else {
        Err(corrupt("the process answered another request")
            .with("asked", id)
            .with("answered", reply.id))
    }
}

fn read_line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Error> {
    let mut line = Vec::new();
    input
        .by_ref()
        .take(LONGEST)
        .read_until(b'\n', &mut line)
        .map_err(|cause| Error::io(Stage::Use, "a line cannot be read", cause))?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(corrupt("a line is too long or has no end").with("bytes", line.len() + 1)),
    }
}

/// Answers the requests on standard input until it ends: the other side of a
/// [`ProcessWorker`](crate::ProcessWorker). A panic of the handler is an error of its request.
///
/// # Errors
/// Standard input or output is broken, or a line is not a valid request.
pub fn serve<Q: DeserializeOwned, A: Serialize, E: fmt::Display>(
    mut handler: impl FnMut(Q) -> Result<A, E>,
) -> Result<(), Error> {
    let mut input = std::io::stdin().lock();
    while let Some(text) = read_line(&mut input)? {
        let Asked { id, request } = serde_json::from_slice(&text).map_err(|cause| {
            corrupt("a line is not a valid request")
                .with("line", shown(&text))
                .with_source(cause)
        })?;
        let reply = Reply {
            id,
            answer: answer(request, &mut handler),
        };
        let mut output = std::io::stdout().lock();
        output
            .write_all(&line(&reply)?)
            .and_then(|()| output.flush())
            .map_err(|cause| Error::io(Stage::Use, "the answer cannot be sent", cause))?;
    }
    Ok(())
}

fn answer<Q: DeserializeOwned, A: Serialize, E: fmt::Display>(
    request: Value,
    handler: &mut impl FnMut(Q) -> Result<A, E>,
) -> Answer {
    let request = match serde_json::from_value(request) {
        Ok(request) => request,
        Err(error) => return Answer::Error(format!("the request is of another form: {error}")),
    };
    match catch_unwind(AssertUnwindSafe(|| handler(request))) {
        Ok(Ok(value)) => match serde_json::to_value(value) {
            Ok(value) => Answer::Answer(value),
            Err(error) => Answer::Error(format!("the answer cannot be written: {error}")),
        },
        Ok(Err(error)) => Answer::Error(error.to_string()),
        Err(panic) => Answer::Error(format!("the worker panicked: {}", panic_text(&*panic))),
    }
}

fn corrupt(message: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, Stage::Use, message)
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text[..text.floor_char_boundary(SHOWN)]
        .escape_debug()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, Error> {
        read_answer(&mut text.as_bytes(), 7)
    }

    #[test]
    fn an_answer_and_an_error_are_read() {
        assert!(matches!(
            read("{\"id\":7,\"answer\":[1]}\n"),
            Ok(Answer::Answer(Value::Array(_)))
        ));
        assert!(matches!(
            read("{\"id\":7,\"error\":\"no\"}\n"),
            Ok(Answer::Error(text)) if text == "no"
        ));
    }

    #[test]
    fn anything_else_is_one_clear_error() {
        for (text, kind) in [
            ("", ErrorKind::Io),
            ("hello\n", ErrorKind::Corrupt),
            ("{\"id\":8,\"answer\":1}\n", ErrorKind::Corrupt),
            ("{\"id\":7}\n", ErrorKind::Corrupt),
            ("{\"id\":7,\"answer\":1}", ErrorKind::Corrupt),
        ] {
            assert_eq!(read(text).unwrap_err().kind(), kind, "{text}");
        }
    }
}
