//! The numbers that identify entries of a header.
//!
//! Out: [`Tag`] and a constant for each tag that a package or an installed header may have. Tags
//! that rpm computes for queries (`NEVRA`, `FILENAMES`) are left out. The numbers are those of
//! rpm's `rpmtag.h`.

use std::fmt;

/// The number of an entry in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Regions of a header.
impl Tag {
    /// The region of a package older than rpm 4.
    pub const HEADER_IMAGE: Self = Self(61);
    /// The region of a signature header.
    pub const HEADER_SIGNATURES: Self = Self(62);
    /// The region of a package's header: the part that is signed.
    pub const HEADER_IMMUTABLE: Self = Self(63);
    /// The locales of the internationalized strings.
    pub const HEADER_I18N_TABLE: Self = Self(100);
}

/// Signatures and digests that have the same numbers in signature headers and installed headers.
impl Tag {
    /// Size of header and payload in bytes, in an installed header.
    pub const SIG_SIZE: Self = Self(257);
    /// RSA signature over header and payload, in an installed header.
    pub const SIG_PGP: Self = Self(259);
    /// MD5 of header and payload, in an installed header.
    pub const SIG_MD5: Self = Self(261);
    /// DSA signature over header and payload, in an installed header.
    pub const SIG_GPG: Self = Self(262);
    /// Keys that a package carries.
    pub const PUBKEYS: Self = Self(266);
    /// DSA or EdDSA signature over the header.
    pub const DSA_HEADER: Self = Self(267);
    /// RSA signature over the header.
    pub const RSA_HEADER: Self = Self(268);
    /// SHA-1 of the header, in hex.
    pub const SHA1_HEADER: Self = Self(269);
    /// Size of header and payload in bytes, 64 bits.
    pub const LONG_SIG_SIZE: Self = Self(270);
    /// Size of the decompressed payload in bytes, 64 bits.
    pub const LONG_ARCHIVE_SIZE: Self = Self(271);
    /// SHA-256 of the header, in hex.
    pub const SHA256_HEADER: Self = Self(273);
    /// IMA signatures, in the signature header.
    pub const SIG_FILE_SIGNATURES: Self = Self(274);
    /// Length of an IMA signature, in the signature header.
    pub const SIG_FILE_SIGNATURE_LENGTH: Self = Self(275);
    /// fs-verity signatures, base64.
    pub const VERITY_SIGNATURES: Self = Self(276);
    /// Algorithm of the fs-verity signatures.
    pub const VERITY_SIGNATURE_ALGO: Self = Self(277);
    /// OpenPGP signatures over the header, base64 (rpm 6).
    pub const OPENPGP: Self = Self(278);
    /// SHA3-256 of the header, in hex (rpm 6).
    pub const SHA3_256_HEADER: Self = Self(279);
}

/// Tags of signature headers only, where numbers from 1000 have another meaning.
impl Tag {
    /// Size of header and payload, in bytes.
    pub const SIGTAG_SIZE: Self = Self(1000);
    /// RSA signature over header and payload.
    pub const SIGTAG_PGP: Self = Self(1002);
    /// MD5 of header and payload.
    pub const SIGTAG_MD5: Self = Self(1004);
    /// DSA or EdDSA signature over header and payload.
    pub const SIGTAG_GPG: Self = Self(1005);
    /// Size of the decompressed payload, in bytes.
    pub const SIGTAG_PAYLOAD_SIZE: Self = Self(1007);
    /// Padding that reserves space for signatures.
    pub const SIGTAG_RESERVED_SPACE: Self = Self(1008);
}

/// Tags of the package as a whole.
impl Tag {
    /// Name.
    pub const NAME: Self = Self(1000);
    /// Version.
    pub const VERSION: Self = Self(1001);
    /// Release.
    pub const RELEASE: Self = Self(1002);
    /// Epoch; absent means 0.
    pub const EPOCH: Self = Self(1003);
    /// One-line summary, by locale.
    pub const SUMMARY: Self = Self(1004);
    /// Description, by locale.
    pub const DESCRIPTION: Self = Self(1005);
    /// Time of the build, in seconds since 1970.
    pub const BUILD_TIME: Self = Self(1006);
    /// Host name of the build machine.
    pub const BUILD_HOST: Self = Self(1007);
    /// Time of the installation, in seconds since 1970.
    pub const INSTALL_TIME: Self = Self(1008);
    /// Total size of the files, in bytes.
    pub const SIZE: Self = Self(1009);
    /// Distribution.
    pub const DISTRIBUTION: Self = Self(1010);
    /// Vendor.
    pub const VENDOR: Self = Self(1011);
    /// License.
    pub const LICENSE: Self = Self(1014);
    /// Name of the packager.
    pub const PACKAGER: Self = Self(1015);
    /// Group, by locale.
    pub const GROUP: Self = Self(1016);
    /// URL of the home page.
    pub const URL: Self = Self(1020);
    /// Operating system.
    pub const OS: Self = Self(1021);
    /// Architecture.
    pub const ARCH: Self = Self(1022);
    /// File name of the source package; absent in source packages.
    pub const SOURCE_RPM: Self = Self(1044);
    /// Size of the decompressed payload, in bytes.
    pub const ARCHIVE_SIZE: Self = Self(1046);
    /// Version of the rpm that built the package.
    pub const RPM_VERSION: Self = Self(1064);
    /// Times of the change log.
    pub const CHANGELOG_TIME: Self = Self(1080);
    /// Authors of the change log.
    pub const CHANGELOG_NAME: Self = Self(1081);
    /// Texts of the change log.
    pub const CHANGELOG_TEXT: Self = Self(1082);
    /// Identifier of the build: host and time.
    pub const COOKIE: Self = Self(1094);
    /// Prefixes that may be relocated.
    pub const PREFIXES: Self = Self(1098);
    /// Prefixes under which the package is installed.
    pub const INST_PREFIXES: Self = Self(1099);
    /// Marker of source packages.
    pub const SOURCE_PACKAGE: Self = Self(1106);
    /// Compiler options of the build.
    pub const OPT_FLAGS: Self = Self(1122);
    /// URL of the package in its distribution.
    pub const DIST_URL: Self = Self(1123);
    /// `cpio`, or `drpm`.
    pub const PAYLOAD_FORMAT: Self = Self(1124);
    /// Name of the payload's compression.
    pub const PAYLOAD_COMPRESSOR: Self = Self(1125);
    /// Level of the compression.
    pub const PAYLOAD_FLAGS: Self = Self(1126);
    /// Color of the transaction that installed the package.
    pub const INSTALL_COLOR: Self = Self(1127);
    /// Number of the transaction that installed the package.
    pub const INSTALL_TID: Self = Self(1128);
    /// Platform of the build.
    pub const PLATFORM: Self = Self(1132);
    /// MD5 of the source package.
    pub const SOURCE_PKGID: Self = Self(1146);
    /// Total size of the files in bytes, 64 bits.
    pub const LONG_SIZE: Self = Self(5009);
    /// URL for bug reports.
    pub const BUG_URL: Self = Self(5012);
    /// URL of upstream's source repository.
    pub const VCS: Self = Self(5034);
    /// Encoding of the strings.
    pub const ENCODING: Self = Self(5062);
    /// Digest of the compressed payload, in hex (`PAYLOADSHA256` in rpm 6).
    pub const PAYLOAD_DIGEST: Self = Self(5092);
    /// Algorithm of the payload's digests.
    pub const PAYLOAD_DIGEST_ALGO: Self = Self(5093);
    /// Label of the module that the package belongs to.
    pub const MODULARITY_LABEL: Self = Self(5096);
    /// Digest of the decompressed payload, in hex.
    pub const PAYLOAD_DIGEST_ALT: Self = Self(5097);
    /// URL of the translations.
    pub const TRANSLATION_URL: Self = Self(5100);
    /// URL of upstream's releases.
    pub const UPSTREAM_RELEASES: Self = Self(5101);
    /// Size of the compressed payload, in bytes (rpm 6).
    pub const PAYLOAD_SIZE: Self = Self(5112);
    /// Size of the decompressed payload, in bytes (rpm 6).
    pub const PAYLOAD_SIZE_ALT: Self = Self(5113);
    /// Version of the package format (rpm 6).
    pub const RPM_FORMAT: Self = Self(5114);
    /// SHA-512 of the compressed payload, in hex (rpm 6).
    pub const PAYLOAD_SHA512: Self = Self(5121);
    /// SHA-512 of the decompressed payload, in hex (rpm 6).
    pub const PAYLOAD_SHA512_ALT: Self = Self(5122);
    /// SHA3-256 of the compressed payload, in hex (rpm 6).
    pub const PAYLOAD_SHA3_256: Self = Self(5123);
}

/// Tags of the files; arrays with an element for each file.
impl Tag {
    /// Paths, in packages older than rpm 4.
    pub const OLD_FILENAMES: Self = Self(1027);
    /// Sizes, in bytes.
    pub const FILE_SIZES: Self = Self(1028);
    /// States of the files, in an installed header.
    pub const FILE_STATES: Self = Self(1029);
    /// Types and permissions.
    pub const FILE_MODES: Self = Self(1030);
    /// Device numbers.
    pub const FILE_RDEVS: Self = Self(1033);
    /// Times of modification, in seconds since 1970.
    pub const FILE_MTIMES: Self = Self(1034);
    /// Digests, in hex.
    pub const FILE_DIGESTS: Self = Self(1035);
    /// Targets of symbolic links.
    pub const FILE_LINKTOS: Self = Self(1036);
    /// Configuration, documentation, ghost and the like.
    pub const FILE_FLAGS: Self = Self(1037);
    /// Names of the owners.
    pub const FILE_USERNAME: Self = Self(1039);
    /// Names of the groups.
    pub const FILE_GROUPNAME: Self = Self(1040);
    /// Attributes that `rpm -V` checks.
    pub const FILE_VERIFY_FLAGS: Self = Self(1045);
    /// Device numbers on the build system, which identify hard links together with the inodes.
    pub const FILE_DEVICES: Self = Self(1095);
    /// Inodes on the build system; equal ones are hard links.
    pub const FILE_INODES: Self = Self(1096);
    /// Languages, separated by `|`.
    pub const FILE_LANGS: Self = Self(1097);
    /// Indexes of the directories in `DIRNAMES`.
    pub const DIR_INDEXES: Self = Self(1116);
    /// Last components of the paths.
    pub const BASENAMES: Self = Self(1117);
    /// Directories, with a trailing slash.
    pub const DIRNAMES: Self = Self(1118);
    /// Colors: 1 is 32-bit, 2 is 64-bit ELF.
    pub const FILE_COLORS: Self = Self(1140);
    /// Indexes of the descriptions in `CLASSDICT`.
    pub const FILE_CLASS: Self = Self(1141);
    /// Descriptions by the `file` command.
    pub const CLASS_DICT: Self = Self(1142);
    /// Indexes of the first dependencies in `DEPENDS_DICT`.
    pub const FILE_DEPENDS_X: Self = Self(1143);
    /// Numbers of dependencies in `DEPENDS_DICT`.
    pub const FILE_DEPENDS_N: Self = Self(1144);
    /// Dependencies that were generated from files.
    pub const DEPENDS_DICT: Self = Self(1145);
    /// Sizes in bytes, 64 bits.
    pub const LONG_FILE_SIZES: Self = Self(5008);
    /// Capabilities, as text.
    pub const FILE_CAPS: Self = Self(5010);
    /// Algorithm of the files' digests; absent means MD5.
    pub const FILE_DIGEST_ALGO: Self = Self(5011);
    /// IMA signatures.
    pub const FILE_SIGNATURES: Self = Self(5090);
    /// Length of an IMA signature.
    pub const FILE_SIGNATURE_LENGTH: Self = Self(5091);
    /// Indexes of the MIME types in `MIME_DICT` (rpm 6).
    pub const FILE_MIME_INDEX: Self = Self(5115);
    /// MIME types of the files (rpm 6).
    pub const MIME_DICT: Self = Self(5116);
}

/// Tags of dependencies.
impl Tag {
    /// Names of provided capabilities.
    pub const PROVIDE_NAME: Self = Self(1047);
    /// Comparisons and contexts of requirements.
    pub const REQUIRE_FLAGS: Self = Self(1048);
    /// Names of requirements.
    pub const REQUIRE_NAME: Self = Self(1049);
    /// Versions of requirements.
    pub const REQUIRE_VERSION: Self = Self(1050);
    /// Comparisons of conflicts.
    pub const CONFLICT_FLAGS: Self = Self(1053);
    /// Names of conflicts.
    pub const CONFLICT_NAME: Self = Self(1054);
    /// Versions of conflicts.
    pub const CONFLICT_VERSION: Self = Self(1055);
    /// Names of obsoleted packages.
    pub const OBSOLETE_NAME: Self = Self(1090);
    /// Comparisons of provided capabilities.
    pub const PROVIDE_FLAGS: Self = Self(1112);
    /// Versions of provided capabilities.
    pub const PROVIDE_VERSION: Self = Self(1113);
    /// Comparisons of obsoleted packages.
    pub const OBSOLETE_FLAGS: Self = Self(1114);
    /// Versions of obsoleted packages.
    pub const OBSOLETE_VERSION: Self = Self(1115);
    /// Names of packages that are installed before this one if both are in a transaction.
    pub const ORDER_NAME: Self = Self(5035);
    /// Versions of the ordering hints.
    pub const ORDER_VERSION: Self = Self(5036);
    /// Comparisons of the ordering hints.
    pub const ORDER_FLAGS: Self = Self(5037);
    /// Names of recommended capabilities.
    pub const RECOMMEND_NAME: Self = Self(5046);
    /// Versions of recommended capabilities.
    pub const RECOMMEND_VERSION: Self = Self(5047);
    /// Comparisons of recommended capabilities.
    pub const RECOMMEND_FLAGS: Self = Self(5048);
    /// Names of suggested capabilities.
    pub const SUGGEST_NAME: Self = Self(5049);
    /// Versions of suggested capabilities.
    pub const SUGGEST_VERSION: Self = Self(5050);
    /// Comparisons of suggested capabilities.
    pub const SUGGEST_FLAGS: Self = Self(5051);
    /// Names of supplemented capabilities.
    pub const SUPPLEMENT_NAME: Self = Self(5052);
    /// Versions of supplemented capabilities.
    pub const SUPPLEMENT_VERSION: Self = Self(5053);
    /// Comparisons of supplemented capabilities.
    pub const SUPPLEMENT_FLAGS: Self = Self(5054);
    /// Names of enhanced capabilities.
    pub const ENHANCE_NAME: Self = Self(5055);
    /// Versions of enhanced capabilities.
    pub const ENHANCE_VERSION: Self = Self(5056);
    /// Comparisons of enhanced capabilities.
    pub const ENHANCE_FLAGS: Self = Self(5057);
}

/// Tags of scriptlets: text, interpreter with its arguments, flags.
impl Tag {
    /// `%pre`.
    pub const PREIN: Self = Self(1023);
    /// `%post`.
    pub const POSTIN: Self = Self(1024);
    /// `%preun`.
    pub const PREUN: Self = Self(1025);
    /// `%postun`.
    pub const POSTUN: Self = Self(1026);
    /// `%verifyscript`.
    pub const VERIFY_SCRIPT: Self = Self(1079);
    /// Interpreter of `%pre`.
    pub const PREIN_PROG: Self = Self(1085);
    /// Interpreter of `%post`.
    pub const POSTIN_PROG: Self = Self(1086);
    /// Interpreter of `%preun`.
    pub const PREUN_PROG: Self = Self(1087);
    /// Interpreter of `%postun`.
    pub const POSTUN_PROG: Self = Self(1088);
    /// Interpreter of `%verifyscript`.
    pub const VERIFY_SCRIPT_PROG: Self = Self(1091);
    /// `%pretrans`.
    pub const PRETRANS: Self = Self(1151);
    /// `%posttrans`.
    pub const POSTTRANS: Self = Self(1152);
    /// Interpreter of `%pretrans`.
    pub const PRETRANS_PROG: Self = Self(1153);
    /// Interpreter of `%posttrans`.
    pub const POSTTRANS_PROG: Self = Self(1154);
    /// Flags of `%pre`.
    pub const PREIN_FLAGS: Self = Self(5020);
    /// Flags of `%post`.
    pub const POSTIN_FLAGS: Self = Self(5021);
    /// Flags of `%preun`.
    pub const PREUN_FLAGS: Self = Self(5022);
    /// Flags of `%postun`.
    pub const POSTUN_FLAGS: Self = Self(5023);
    /// Flags of `%pretrans`.
    pub const PRETRANS_FLAGS: Self = Self(5024);
    /// Flags of `%posttrans`.
    pub const POSTTRANS_FLAGS: Self = Self(5025);
    /// Flags of `%verifyscript`.
    pub const VERIFY_SCRIPT_FLAGS: Self = Self(5026);
    /// `%preuntrans`.
    pub const PREUNTRANS: Self = Self(5103);
    /// `%postuntrans`.
    pub const POSTUNTRANS: Self = Self(5104);
    /// Interpreter of `%preuntrans`.
    pub const PREUNTRANS_PROG: Self = Self(5105);
    /// Interpreter of `%postuntrans`.
    pub const POSTUNTRANS_PROG: Self = Self(5106);
    /// Flags of `%preuntrans`.
    pub const PREUNTRANS_FLAGS: Self = Self(5107);
    /// Flags of `%postuntrans`.
    pub const POSTUNTRANS_FLAGS: Self = Self(5108);
}

/// Tags of triggers: scripts, and conditions that refer to them by index.
impl Tag {
    /// Scripts.
    pub const TRIGGER_SCRIPTS: Self = Self(1065);
    /// Names of the packages that fire them.
    pub const TRIGGER_NAME: Self = Self(1066);
    /// Versions of the packages that fire them.
    pub const TRIGGER_VERSION: Self = Self(1067);
    /// Comparisons, and the moments at which the triggers fire.
    pub const TRIGGER_FLAGS: Self = Self(1068);
    /// Indexes of the scripts.
    pub const TRIGGER_INDEX: Self = Self(1069);
    /// Interpreters.
    pub const TRIGGER_SCRIPT_PROG: Self = Self(1092);
    /// Flags of the scripts.
    pub const TRIGGER_SCRIPT_FLAGS: Self = Self(5027);
    /// Scripts of file triggers.
    pub const FILE_TRIGGER_SCRIPTS: Self = Self(5066);
    /// Interpreters of file triggers.
    pub const FILE_TRIGGER_SCRIPT_PROG: Self = Self(5067);
    /// Flags of file triggers.
    pub const FILE_TRIGGER_SCRIPT_FLAGS: Self = Self(5068);
    /// Path prefixes that fire the triggers.
    pub const FILE_TRIGGER_NAME: Self = Self(5069);
    /// Indexes of the scripts.
    pub const FILE_TRIGGER_INDEX: Self = Self(5070);
    /// Always empty.
    pub const FILE_TRIGGER_VERSION: Self = Self(5071);
    /// Moments at which the triggers fire.
    pub const FILE_TRIGGER_FLAGS: Self = Self(5072);
    /// Scripts of transaction file triggers.
    pub const TRANS_FILE_TRIGGER_SCRIPTS: Self = Self(5076);
    /// Interpreters of transaction file triggers.
    pub const TRANS_FILE_TRIGGER_SCRIPT_PROG: Self = Self(5077);
    /// Flags of transaction file triggers.
    pub const TRANS_FILE_TRIGGER_SCRIPT_FLAGS: Self = Self(5078);
    /// Path prefixes that fire the triggers.
    pub const TRANS_FILE_TRIGGER_NAME: Self = Self(5079);
    /// Indexes of the scripts.
    pub const TRANS_FILE_TRIGGER_INDEX: Self = Self(5080);
    /// Always empty.
    pub const TRANS_FILE_TRIGGER_VERSION: Self = Self(5081);
    /// Moments at which the triggers fire.
    pub const TRANS_FILE_TRIGGER_FLAGS: Self = Self(5082);
    /// Priorities of file triggers.
    pub const FILE_TRIGGER_PRIORITIES: Self = Self(5084);
    /// Priorities of transaction file triggers.
    pub const TRANS_FILE_TRIGGER_PRIORITIES: Self = Self(5085);
}
