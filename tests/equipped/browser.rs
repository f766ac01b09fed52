//! `report.html` in a browser, at three widths, light and dark: nothing sticks out, nothing is complained
//! of, every anchor leads somewhere, and scripts show values.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::program::{SMALL, otfhpc, text};
use crate::support::{Trial, trial_unless, turn};
use libtest_mimic::Failed;
use tempfile::tempdir;

const BROWSER: &str = "chromium";
const WIDTHS: [u32; 3] = [400, 1200, 2400];

/// Around the page, so that it can be narrower than the browser's windows are.
const FRAME: &str = r##"<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="f" src="PAGE" style="width:WIDTHpx;height:3000px;border:0"></iframe><pre id="out"></pre><script>
f.onload = () => {
  const w = f.contentWindow, d = w.document, e = d.scrollingElement, say = [];
  const links = [...d.querySelectorAll('a[href^="#"]')];
  const dead = links.filter(a => !d.getElementById(a.getAttribute('href').slice(1)));
  const named = d.querySelector('svg.area [data-n="real"]');
  const area = named ? named.parentNode : d.querySelector('svg.area'), box = area.getBoundingClientRect();
  area.dispatchEvent(new w.PointerEvent('pointermove', { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));
  say.push(e.scrollWidth <= w.innerWidth ? 'fits' : 'overflows ' + e.scrollWidth + ' > ' + w.innerWidth);
  say.push(w.innerWidth === WIDTH ? 'as wide' : 'width ' + w.innerWidth);
  say.push(dead.length === 0 && links.length > 5 ? 'anchors' : 'dead ' + dead.map(a => a.href));
  say.push(d.getElementById('tip').textContent.split('\n').length > 2 ? 'values' : 'no values');
  const whole = area.getAttribute('viewBox');
  const at = part => ({ clientX: box.x + box.width * part, clientY: box.y + box.height * part });
  area.setPointerCapture = () => {};
  area.dispatchEvent(new w.PointerEvent('pointerdown', at(0.25)));
  area.dispatchEvent(new w.PointerEvent('pointermove', at(0.5)));
  area.dispatchEvent(new w.PointerEvent('pointerup', at(0.75)));
  const zoomed = area.getAttribute('viewBox') !== whole && d.querySelectorAll('.zoomed text').length === 10;
  area.dispatchEvent(new w.MouseEvent('dblclick'));
  say.push(zoomed && area.getAttribute('viewBox') === whole && !d.querySelector('.zoomed') ? 'zooms' : 'does not zoom');
  say.push('ground ' + w.getComputedStyle(d.body).backgroundColor);
  out.textContent = say.join('; ');
};
</script>"##;

/// Why there is no looking at pages here, if there is none.
pub(crate) fn no_browser() -> Option<String> {
    let is_there = Command::new(BROWSER).arg("--version").output().is_ok();
    (!is_there).then(|| format!("needs {BROWSER} (Debian: {BROWSER})"))
}

pub(crate) fn trials() -> Vec<Trial> {
    let reason = no_browser();
    let study = [
        "--set=study.noise_levels=[1e-4,0.02]",
        "--set=study.trials=3",
        "--set=fit.methods=[\"wls\",\"lad\",\"map\",\"wls+kirchhoff\"]",
    ];
    vec![
        trial_unless(reason.clone(), "the_page_of_a_run", || looks_right(&[])),
        trial_unless(reason, "the_page_of_a_study", move || looks_right(&study)),
    ]
}

fn looks_right(settings: &[&str]) -> Result<(), Failed> {
    let _turn = turn();
    let folder = tempdir()?;
    let local = ["local", "--shards=2", "--out", text(folder.path())];
    otfhpc(local.iter().chain(&SMALL).chain(settings)).ended(0);
    for page in ["report.html", "work.html"] {
        let grounds = [true, false].map(|is_dark| {
            let at = |width: &u32| look(folder.path(), page, *width, is_dark);
            WIDTHS.iter().map(at).collect::<Result<Vec<String>, Failed>>()
        });
        let [dark, light] = grounds;
        let (dark, light) = (dark?, light?);
        if dark[0] == light[0] {
            return Err(format!("{page} does not follow the colour scheme: {}", dark[0]).into());
        }
    }
    Ok(())
}

/// Looks at a page; returns its background.
pub(crate) fn look(folder: &Path, page: &str, width: u32, is_dark: bool) -> Result<String, Failed> {
    let frame = FRAME.replace("PAGE", page).replace("WIDTH", &width.to_string());
    let path = folder.join("frame.html");
    fs::write(&path, frame)?;
    let profile = tempdir()?;
    let picture = profile.path().join("picture.png");
    let run = |what: String| {
        let size = format!("--window-size={},3000", width.max(600));
        let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
        Command::new(BROWSER)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--allow-file-access-from-files", "--enable-logging=stderr", &size, &scheme])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(what)
            .arg(format!("file://{}", path.display()))
            .output()
    };
    let output = run("--dump-dom".into())?;
    let (dom, log) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let said = dom.split("<pre id=\"out\">").nth(1).and_then(|rest| rest.split('<').next());
    let said = said.ok_or_else(|| format!("no answer: {log}"))?;
    let expected = if page == "report.html" {
        "fits; as wide; anchors; values; zooms"
    } else {
        "fits; as wide"
    };
    if !said.starts_with(expected) {
        return Err(format!("{page} at {width}: {said}").into());
    }
    if let Some(line) = log.lines().find(|line| line.contains("CONSOLE")) {
        return Err(format!("{page} at {width}: {line}").into());
    }
    run(format!("--screenshot={}", picture.display()))?;
    let length = fs::metadata(&picture).map_err(|error| format!("no picture: {error}"))?.len();
    if length < 20_000 {
        return Err(format!("{page} at {width}: an empty picture of {length} bytes").into());
    }
    Ok(said.rsplit("; ").next().unwrap_or_default().to_owned())
}
