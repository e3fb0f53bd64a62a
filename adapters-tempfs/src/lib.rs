//! Temp files and directories, file handles, atomic writes and orphan rules, on backstop-core.
