//! The files of the RPM mirror, for all architectures.

use std::fs;
use std::io;
use std::path::Path;

use crate::signing::Signer;
use crate::{package, repodata, universe};

const ARCHITECTURES: [&str; 2] = ["aarch64", "x86_64"];

/// Writes the mirror into `out`, signed with this OpenPGP secret key. An existing mirror is
/// replaced.
pub fn write(out: &Path, secret_key: &str) -> io::Result<()> {
    let signer = Signer::new(secret_key);
    for arch in ARCHITECTURES {
        for (repository, packages) in universe::repositories(arch) {
            let directory = out.join("9").join(repository).join(arch).join("os");
            let _ = fs::remove_dir_all(&directory);
            fs::create_dir_all(directory.join("Packages"))?;
            fs::create_dir_all(directory.join("repodata"))?;
            let mut indexed = Vec::new();
            for package in &packages {
                let (file, header, archive_size) = package::build(package, arch, &signer);
                fs::write(directory.join("Packages").join(package.file_name(arch)), &file)?;
                indexed.push(repodata::Indexed { package, file, header, archive_size });
            }
            for (name, content) in repodata::write(&indexed, arch) {
                fs::write(directory.join("repodata").join(name), content)?;
            }
        }
    }
    Ok(())
}
