//! Outputs that are written into rather than replaced: devices, FIFOs, and descriptors that another
//! process opened. A wait for the other end stops when the user cancels.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::cancel::Cancel;
use crate::reporter::Reporter;

/// The interval between two checks for cancellation while nothing can be written.
const LOOK: Duration = Duration::from_millis(50);

/// An open device, FIFO or descriptor.
pub(super) struct Stream {
    file: File,
    cancel: Cancel,
}

impl Stream {
    fn new(file: File) -> Self {
        Self { file, cancel: Cancel::new() }
    }

    /// Opens a device.
    pub(super) fn device(path: &Path) -> io::Result<Self> {
        open(path).map(Self::new)
    }

    /// Opens a FIFO. Returns `None` if no process reads it.
    pub(super) fn fifo(path: &Path) -> io::Result<Option<Self>> {
        match open(path) {
            Ok(file) if file.metadata()?.file_type().is_fifo() => Ok(Some(Self::new(file))),
            Ok(_) => Err(io::Error::other("it is not a FIFO any more")),
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Duplicates a descriptor of this process. The copy shares the file offset.
    pub(super) fn descriptor(number: i32) -> io::Result<Self> {
        let path = format!("/proc/self/fd/{number}");
        let copied: io::Result<OwnedFd> = match number {
            1 => io::stdout().as_fd().try_clone_to_owned(),
            2 => io::stderr().as_fd().try_clone_to_owned(),
            _ => {
                let own = pidfd_open(getpid(), PidfdFlags::empty());
                own.and_then(|own| pidfd_getfd(own, number, PidfdGetfdFlags::empty())).map_err(io::Error::from)
            }
        };
        let file = match copied {
            Ok(copied) => File::from(copied),
            Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => return Err(error),
            // A sandbox may forbid the call. Appending preserves the earlier output.
            Err(_) => OpenOptions::new().append(true).open(&path)?,
        };
        if (fcntl_getfl(&file)? & OFlags::ACCMODE) == OFlags::RDONLY {
            return Err(Errno::BADF.into());
        }
        if file.metadata()?.file_type().is_fifo()
            && let Ok(own) = open(Path::new(&path))
        {
            // This opens the same pipe again. The other holders of the descriptor do not expect
            // non-blocking writes.
            return Ok(Self::new(own));
        }
        Ok(Self::new(file))
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Makes writes fail once `cancel` is raised.
    pub(super) fn stop_with(&mut self, cancel: &Cancel) {
        self.cancel.clone_from(cancel);
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        loop {
            if self.cancel.is_raised() {
                return Err(io::Error::other("stopped"));
            }
            match self.file.write(data) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut ends = [PollFd::new(&self.file, PollFlags::OUT)];
                    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
                    // A signal also ends the wait; the next iteration checks for cancellation.
                    let _ = poll(&mut ends, Some(&timeout));
                }
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Err(io::Error::new(error.kind(), "its reader closed it before everything was written"));
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a FIFO once a process reads it. Returns `None` if `cancel` is raised before that. `name`
/// is for the message.
pub(super) fn wait_for_reader(path: &Path, name: &Path, reporter: &dyn Reporter, cancel: &Cancel) -> io::Result<Option<Stream>> {
    let mut is_told = false;
    while !cancel.is_raised() {
        if let Some(stream) = Stream::fifo(path)? {
            return Ok(Some(stream));
        }
        if !std::mem::replace(&mut is_told, true) {
            reporter.warn(&format!("waiting for a reader of {}", name.display()));
        }
        std::thread::sleep(LOOK);
    }
    Ok(None)
}

/// Opens for writing, without waiting for a reader and without acquiring a controlling terminal.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().write(true).custom_flags(flags.bits().cast_signed()).open(path)
}
