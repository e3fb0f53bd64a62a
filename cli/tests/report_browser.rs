//! The page of a report, in a real browser.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod recorded;
mod stage;

use std::path::PathBuf;
use std::process::Command;

use backstop_testkit::{Suite, skip};
use recorded::Recorded;
use serde_json::Value;
use stage::Stage;

fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|program| program.is_file())
}

/// What stands between the quotes of each attribute of this name, in the order of the page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start)
        .skip(1)
        .map(|rest| &rest[..rest.find('"').unwrap()])
        .collect()
}

#[test]
fn the_charts_show_the_data_and_the_browser_has_nothing_to_say() {
    let Some(browser) = browser() else {
        skip(Suite::Browser, "chromium is not installed");
        return;
    };
    let stage = Stage::new();
    let recorded = Recorded::week(&stage.path("work/history"));
    let place = recorded.directory.to_str().unwrap();
    let page = stage.path("work/page.html");
    let written = stage.run(&["report", "--history", place, "-o", page.to_str().unwrap()]);
    assert_eq!(written.code, Some(0), "{written:?}");
    // A kept copy can be looked at.
    if let Some(copy) = std::env::var_os("BACKSTOP_KEEP_PAGE") {
        std::fs::copy(&page, copy).unwrap();
    }
    let json = stage.run(&["report", "--json", "--history", place]);
    let account: Value = serde_json::from_str(&json.stdout).unwrap();

    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--enable-logging=stderr", "--v=0", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            stage.path("work/profile").display()
        ))
        .arg(format!("file://{}", page.display()))
        .env("HOME", stage.path("work"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let console: Vec<_> = said
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert_eq!(console, [] as [&str; 0]);

    let dom = String::from_utf8(output.stdout).unwrap();
    let figures: Vec<_> = dom
        .split("<figure")
        .skip(1)
        .map(|rest| rest.split("</figure").next().unwrap())
        .collect();
    let series = account["series"].as_array().unwrap();
    assert_eq!(figures.len(), series.len());
    for (figure, series) in figures.iter().zip(series) {
        let points = series["points"].as_array().unwrap();
        assert_eq!(values(figure, "data-points"), [points.len().to_string()]);
        let means = values(figure, "data-mean");
        assert_eq!(means.len(), points.len(), "{}", series["measure"]);
        let low: f64 = values(figure, "data-low")[0].parse().unwrap();
        let high: f64 = values(figure, "data-high")[0].parse().unwrap();
        // Each corner of the line is where its value is.
        let path = values(figure, "d")
            .into_iter()
            .nth(2)
            .unwrap()
            .replace("h0", "");
        let corners: Vec<f64> = path
            .split(['M', 'L'])
            .skip(1)
            .map(|corner| corner.split(' ').nth(1).unwrap().parse().unwrap())
            .collect();
        assert_eq!(corners.len(), points.len());
        for ((corner, mean), point) in corners.iter().zip(&means).zip(points) {
            let value = point["mean"].as_f64().unwrap();
            // The last points of both are made of a moment that moved on between the two.
            assert!((mean.parse::<f64>().unwrap() - value).abs() <= 1e-9 * value.abs());
            let place = (1.0 - (value - low) / (high - low)) * 200.0;
            assert!((corner - place).abs() <= 0.051, "{corner} {place}");
        }
        let begins = points.iter().filter(|point| point["begins"] == true);
        assert_eq!(path.matches('M').count(), begins.count(), "a part for each");
        let rows = figure.matches("<tr>").count();
        assert_eq!(rows, points.len() + 1, "the table has them all");
    }
}
