//! Who holds a file.

/// One process's hold on a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The process.
    pub pid: i32,
    /// By what it holds it.
    pub hold: Hold,
}

/// By what a process holds a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// An open descriptor of this number.
    Descriptor(i32),
    /// Its working directory.
    WorkingDirectory,
    /// Its root directory.
    Root,
    /// The program that it executes.
    Executable,
    /// A mapping into its memory.
    Mapping,
}

/// Whether a search looks at mapped memory too, which costs a call per mapping and, before Linux
/// 5.9, needs a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mappings {
    /// Descriptors, directories and programs only.
    Skip,
    /// Mapped files as well.
    Include,
}
