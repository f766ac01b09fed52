//! The README's commands, typed one after another into bash and into zsh, as people do: in the same folder,
//! so that no example is in another's way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use std::io::Write;
use tempfile::tempdir;

use super::shells::without;
use crate::support::{Trial, no_scipy, python, required, shared, trial_unless, turn};

const SHELLS: [(&str, &[&str]); 2] =
    [("bash", &["--norc", "--noprofile", "-i"]), ("zsh", &["-f", "-i"])];
/// Runs the checks of this repository, and so would never end.
const NOT_RUN: &str = "scripts/test.sh\n";
/// This section's commands need Slurm: `mended` runs them.
const WITH_SLURM: &str = "On a cluster";
/// What studies are made smaller by, so that all of it takes seconds.
const SMALLER: [(&str, &str); 4] = [
    ("comprehensive", "simulate.records=120 study.trials=1 fit.bins=8-12"),
    ("joint", "simulate.records=120 study.trials=1"),
    ("differentiation.toml", "grid=[{name=\"noise\",values=[1e-8]},{name=\"trial\",from=1,to=2}]"),
    ("data.path=cal.npz", "fit.bins=5-20"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let needs = ["cal.npz", "FIRAS_CALIBRATION_MODEL_LLSS.FITS"];
    let missing = needs.into_iter().find(|name| shared(name).is_none());
    let reason = missing.map(|name| format!("needs ../shared/data/{name}")).or_else(no_scipy);
    let run = SHELLS.map(|(shell, flags)| {
        let reason = without(shell, shell).or_else(|| reason.clone());
        trial_unless(reason, &format!("all_examples_run_in_{shell}"), move || runs(shell, flags))
    });
    let same =
        trial_unless(without("zsh", "zsh"), "bash_and_zsh_understand_the_same", understood_alike);
    run.into_iter().chain([same]).collect()
}

/// The blocks of shell commands, each with the title of its section.
fn blocks() -> Result<Vec<(String, String)>, Failed> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))?;
    let mut blocks = Vec::new();
    for section in readme.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default().to_owned();
        let found = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        blocks.extend(found.map(|block| (title.clone(), block.to_owned())));
    }
    blocks.retain(|(_, block)| block != NOT_RUN);
    assert!(blocks.len() > 12, "{blocks:?}");
    Ok(blocks)
}

/// A program of a shell under a name, in a folder of a PATH.
fn write_program(folder: &Path, name: &str, text: &str) -> Result<(), Failed> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), text)?;
    Ok(fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755))?)
}

/// Types lines into a shell; what it and its commands say, and whether all of them succeeded.
fn typed(
    (shell, flags): (&str, &[&str]),
    lines: &str,
    (folder, programs): (&Path, &Path),
) -> Result<(bool, String), Failed> {
    let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
    let mut command = Command::new(shell);
    command.args(flags).current_dir(folder).env("PATH", path).env("HOME", folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTFHPC")) {
        command.env_remove(name);
    }
    command.env("OTFHPC_SITE_CONFIG", "").env("TERM", "dumb").env_remove("HISTFILE");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    // In an interactive shell, which understands what a person types, and not all that a script may have.
    input.write_all(format!("set -e\n{lines}\nexit 0\n").as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Ok((output.status.success(), said.into_owned()))
}

fn runs(shell: &str, flags: &[&str]) -> Result<(), Failed> {
    let _turn = turn();
    let folder = tempdir()?;
    let programs = folder.path().join("bin");
    for name in ["cal.npz", "FIRAS_CALIBRATION_MODEL_LLSS.FITS"] {
        fs::copy(required(name)?, folder.path().join(name))?;
    }
    fs::write(folder.path().join("project.toml"), "[fit]\nbins = \"5-20\"\n")?;
    // The command as it is typed, smaller. That some units fail is a finding of a study.
    let smaller = SMALLER.map(|(word, settings)| {
        let settings: String = settings.split(' ').map(|s| format!(" --set '{s}'")).collect();
        format!("*local*{word}*) set -- \"$@\"{settings} ;;\n")
    });
    let program = format!(
        "#!/bin/sh\ncase \"$*\" in\n{}esac\n{} \"$@\"\ncode=$?\n[ $code = 1 ] || exit $code\n",
        smaller.concat(),
        env!("CARGO_BIN_EXE_otfhpc")
    );
    write_program(&programs, "otfhpc", &program)?;
    let python = python().ok_or("no Python")?;
    write_program(&programs, "python3", &format!("#!/bin/sh\nexec {} \"$@\"\n", python.display()))?;
    // What the section on clusters leaves.
    let mut lines = "otfhpc local --quiet --set simulate.records=120\n".to_owned();
    let blocks = blocks()?;
    for (_, block) in blocks.iter().filter(|(title, _)| title != WITH_SLURM) {
        // Each begins where the reader began.
        lines += &format!("cd {}\n{block}", folder.path().display());
    }
    let (succeeded, said) = typed((shell, flags), &lines, (folder.path(), &programs))?;
    if !succeeded {
        return Err(said.into());
    }
    for out in [
        "first",
        "quickstart",
        "measured",
        "mine",
        "constraints",
        "joint",
        "comprehensive",
        "predicted",
    ] {
        if !folder.path().join(out).join("report.html").is_file() {
            return Err(format!("{out} has no report: {said}").into());
        }
    }
    Ok(())
}

/// Also of the commands that need Slurm: both shells make the same words of them.
fn understood_alike() -> Result<(), Failed> {
    let words_of = |shell| -> Result<String, Failed> {
        let folder = tempdir()?;
        let programs = folder.path().join("bin");
        let record = "#!/bin/sh\nprintf '%s|' \"${0##*/}\" \"$@\" >>\"$HOME/record\"\n\
                      echo >>\"$HOME/record\"\necho 17\n";
        for name in ["otfhpc", "sbatch"] {
            write_program(&programs, name, record)?;
        }
        fs::create_dir(folder.path().join("differentiation"))?;
        let lines: String = blocks()?
            .iter()
            .map(|(_, block)| format!("cd {}\n{block}", folder.path().display()))
            .collect();
        let (succeeded, said) = typed(shell, &lines, (folder.path(), &programs))?;
        if !succeeded {
            return Err(said.into());
        }
        Ok(fs::read_to_string(folder.path().join("record"))?)
    };
    let (bash, zsh) = (words_of(SHELLS[0])?, words_of(SHELLS[1])?);
    assert_eq!(bash, zsh);
    assert!(bash.lines().count() > 30, "{bash}");
    assert!(bash.contains("sbatch|--dependency=afterany:17|results/slurm/otf_merge.sh|"), "{bash}");
    Ok(())
}
