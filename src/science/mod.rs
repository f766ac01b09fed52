//! The science: from interferograms and temperatures to fitted bins. It knows of no files but those of
//! data, and of no shards, no Slurm and no command line.

pub mod data;
pub mod fit;
pub mod instrument;
