//! Which processes use a file.

/// One use of a file or directory by a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileHolder {
    /// The process.
    pub pid: i32,
    /// How the process uses it.
    pub hold: FileUse,
}

/// How a process uses a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileUse {
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

/// Whether a search includes mapped memory, which costs one call per mapping and, before Linux 5.9,
/// needs a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mappings {
    /// Descriptors, directories and programs only.
    Skip,
    /// Mapped files as well.
    Include,
}
