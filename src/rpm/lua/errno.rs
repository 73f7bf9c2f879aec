//! The errors of system calls, with the numbers of Linux and the messages of glibc.

use crate::tree::TreeError;

macro_rules! errors {
    ($($name:ident = $number:literal $text:literal,)*) => {
        /// An error of a system call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::rpm) enum Errno {
            $(#[doc = $text] $name = $number,)*
        }

        impl Errno {
            /// Returns the message of `strerror`.
            pub(in crate::rpm) fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns the error number.
            pub(super) fn number(self) -> i32 {
                self as i32
            }
        }
    };
}

errors! {
    None = 0 "Success",
    NotPermitted = 1 "Operation not permitted",
    NotFound = 2 "No such file or directory",
    NoProcess = 3 "No such process",
    Io = 5 "Input/output error",
    NoDevice = 6 "No such device or address",
    BadDescriptor = 9 "Bad file descriptor",
    NoChild = 10 "No child processes",
    TryAgain = 11 "Resource temporarily unavailable",
    NoMemory = 12 "Cannot allocate memory",
    AccessDenied = 13 "Permission denied",
    Busy = 16 "Device or resource busy",
    Exists = 17 "File exists",
    NotADirectory = 20 "Not a directory",
    IsADirectory = 21 "Is a directory",
    Invalid = 22 "Invalid argument",
    TooManyFiles = 24 "Too many open files",
    NoSpace = 28 "No space left on device",
    IllegalSeek = 29 "Illegal seek",
    NameTooLong = 36 "File name too long",
    NotEmpty = 39 "Directory not empty",
    TooManyLinks = 40 "Too many levels of symbolic links",
}

impl From<TreeError> for Errno {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::NotFound(_) => Self::NotFound,
            TreeError::NotADirectory(_) => Self::NotADirectory,
            TreeError::IsADirectory(_) => Self::IsADirectory,
            TreeError::Exists(_) => Self::Exists,
            TreeError::NotEmpty(_) => Self::NotEmpty,
            TreeError::TooManyLinks(_) => Self::TooManyLinks,
            TreeError::BadPath(_) | TreeError::BadTarget(_) => Self::NameTooLong,
            TreeError::Unreadable(..) => Self::Io,
        }
    }
}
