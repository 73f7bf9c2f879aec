//! Output other than a directory: an archive, or an image.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{BootstrapArguments, Format};
use super::failure::Failure;
use crate::output::oci::{Attachment, Reference, is_tag};
use crate::output::{Packing, names_standard_output};

/// What is made in place of OUT, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Instead of a directory")]
pub(super) struct ProductArguments {
    /// Make a tar archive, `-` for standard output; compressed by its name (.tar.gz, .tar.bz2, .tar.zst, .tar.xz) or --compression
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["out", "userns"])]
    pub tar: Option<PathBuf>,
    /// Make an OCI image layout, or add to one: an image for each --arch (`--arch x86_64,aarch64`). Without TAG the image bears the tags
    /// that the distribution gives
    #[arg(long, value_name = "DIR[:TAG]", conflicts_with_all = ["out", "userns", "tar"])]
    pub oci: Option<Reference>,
    /// Make an archive for `docker load` and `podman load`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "userns", "tar", "oci"])]
    pub docker_archive: Option<PathBuf>,
    /// gzip, bzip2, zstd, xz or none, with a level where another than the usual is wanted (zstd:19) [default: by the file's name; gzip for --oci]
    #[arg(long, value_name = "HOW", requires = "product")]
    pub compression: Option<Packing>,
    /// Let nothing in it be younger than the build: `$SOURCE_DATE_EPOCH`, or else the newest package
    #[arg(long, requires = "product")]
    pub clamp_mtime: bool,
    /// Cut the image into so many layers at most: what changes together lies together, the database comes last
    #[arg(long, value_name = "N", requires = "image", value_parser = clap::value_parser!(u8).range(1..=125))]
    pub layers: Option<u8>,
    /// The image of a layout to build upon: its layers are kept, and one more tells the difference
    #[arg(long, value_name = "DIR[:TAG]", requires = "oci", conflicts_with = "layers")]
    pub base: Option<Reference>,
    /// Attach a file to the image: a lock file, a bill of materials, a report. It refers to the image, whose digest does not change
    #[arg(long, value_name = "FILE", requires = "oci")]
    pub attach: Vec<PathBuf>,
    /// How the distribution names the image: `library` (one repository, tags name the type of image), or another scheme of the distribution,
    /// as `registry` of AlmaLinux (a repository a type: `9-micro`)
    #[arg(long, value_name = "SCHEME", requires = "image", default_value = crate::catalog::LIBRARY)]
    pub tag_scheme: String,
    /// One more tag for the image; for --docker-archive a name may come with it (NAME:TAG)
    #[arg(long, value_name = "TAG", requires = "image")]
    pub tag: Vec<String>,
}

impl ProductArguments {
    /// Returns the path of the product.
    pub(super) fn place(&self) -> Option<&Path> {
        let layout = self.oci.as_ref().map(|reference| reference.directory.as_path());
        self.tar.as_deref().or(layout).or(self.docker_archive.as_deref())
    }

    /// The file that an archive goes to.
    fn archive(&self) -> Option<&Path> {
        self.tar.as_deref().or(self.docker_archive.as_deref())
    }

    /// Reports whether the options request an image.
    pub(super) fn is_image(&self) -> bool {
        self.oci.is_some() || self.docker_archive.is_some()
    }

    /// Returns the compression of a file with this name, or of the layers of a layout.
    pub(super) fn packing(&self) -> Packing {
        let of_file = || self.archive().and_then(Packing::of_name).unwrap_or(Packing::NONE);
        self.compression.unwrap_or_else(|| if self.oci.is_some() { Packing::GZIP } else { of_file() })
    }
}

/// Reads the files that are to be attached.
pub(super) fn attachments(arguments: &BootstrapArguments) -> Result<Vec<Attachment>, Failure> {
    let read = |path: &PathBuf| {
        let failed = |error| Failure::failed(format!("cannot read {}: {error}", path.display()));
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Attachment { name, data: std::fs::read(path).map_err(failed)? })
    };
    arguments.product.attach.iter().map(read).collect()
}

/// Fails if options contradict each other.
pub(super) fn check(arguments: &BootstrapArguments) -> Result<(), Failure> {
    let product = &arguments.product;
    if product.archive().is_some_and(names_standard_output) {
        if arguments.output.format == Format::Json {
            return Err(Failure::usage("standard output cannot hold both the archive and the report")
                .hint("--report FILE writes the report as JSON"));
        }
        if std::io::stdout().is_terminal() {
            return Err(Failure::usage("an archive is not for a terminal").hint("--tar FILE, or redirect standard output"));
        }
    }
    if let (Some(path), None) = (product.archive(), product.compression)
        && Packing::of_name(path).is_none()
        && std::fs::metadata(path).map_or(true, |found| found.is_file())
    {
        return Err(Failure::usage(format!("{}: the name promises a format that cannot be written", path.display()))
            .detail(format!("there are: {}", Packing::ENDINGS))
            .hint("another name, or --compression HOW to write a tar archive under this one"));
    }
    if product.oci.is_some() {
        use crate::compression::Format::{Bzip2, Xz};
        if let Some(packing) = product.compression.filter(|packing| matches!(packing.format(), Xz | Bzip2)) {
            return Err(Failure::usage(format!("layers of an image cannot be compressed with {packing}"))
                .hint("--compression gzip, or zstd"));
        }
        if let Some(tag) = product.tag.iter().find(|tag| !is_tag(tag)) {
            return Err(Failure::usage(format!("`{tag}` is not a possible tag")).hint("letters, digits, `_`, `.` and `-`"));
        }
    }
    let several = arguments.request.arch.as_deref().is_some_and(|arch| arch.contains(','));
    if several && product.oci.is_none() {
        return Err(Failure::usage("several architectures go into one image layout only").hint("--oci DIR"));
    }
    Ok(())
}
