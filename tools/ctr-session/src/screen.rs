//! What a pane shows, as far as lines can be told from it.

use std::{collections::HashSet, mem};

use unicode_width::UnicodeWidthChar;
use vte::{Params, Parser, Perform};

/// The longest line; what is longer is told in pieces.
const LONGEST: usize = 1 << 20;

/// The width of a tab.
const TAB: usize = 8;

/// A pane, which becomes lines.
///
/// A line is told when the program ends it. Once the program goes up to draw on
/// what it has written, rows are told when they leave the pane or when the pane
/// rests; a row that is drawn again as it was is not told again. What is drawn
/// on the alternate screen, by an editor for one, is no line.
pub struct Screen {
    parser: Parser,
    grid: Grid,
}

impl Screen {
    /// Returns an empty pane.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        Self { parser: Parser::new(), grid: Grid::new(width, height) }
    }

    /// Returns the pane that `text` describes, and the lines that there are:
    /// width, height, column and row of the cursor and whether the alternate
    /// screen is shown, in a line; then the lines with those of the history,
    /// each whole; last the rows that the pane shows.
    #[must_use]
    pub fn start(text: &[u8]) -> (Self, Vec<String>) {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.lines();
        let state: Vec<usize> = lines
            .next()
            .unwrap_or_default()
            .split(' ')
            .map(|word| word.parse().unwrap_or_default())
            .collect();
        let at = |index: usize| state.get(index).copied().unwrap_or_default();
        let mut screen = Self::new(at(0), at(1));
        let mut lines: Vec<_> = lines.map(|line| line.trim_end().to_owned()).collect();
        let rows = lines.split_off(lines.len().saturating_sub(screen.grid.height));
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        screen.grid.alternate = at(4) == 1;
        if !screen.grid.alternate {
            screen.grid.begin(&rows, (at(2), at(3)), &mut lines);
        }
        (screen, lines)
    }

    /// Lets the program write.
    pub fn write(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.grid, bytes);
    }

    /// Says that nothing was written for a while.
    pub fn rest(&mut self) {
        if self.grid.drawing {
            self.grid.settle();
        }
    }

    /// Says that nothing will be written any more.
    pub fn finish(&mut self) {
        self.rest();
        if !self.grid.text(self.grid.y).is_empty() {
            self.grid.tell(self.grid.y);
        }
    }

    /// Makes the pane another size.
    pub fn resize(&mut self, width: usize, height: usize) {
        self.grid.resize(width.max(1), height.max(1));
    }

    /// Returns the lines that are to be told, once.
    pub fn lines(&mut self) -> Vec<String> {
        mem::take(&mut self.grid.lines)
    }
}

/// A row of the pane.
#[derive(Clone, Debug, Default)]
struct Row {
    /// What each column shows; nothing in the second of a wide character.
    cells: Vec<String>,
    /// Whether the line goes on in the next row.
    wraps: bool,
    /// Whether the program has ended a line here that was not told.
    ended: bool,
    /// The line that was told when it ended here.
    told: Option<String>,
}

impl Row {
    fn text(&self) -> String {
        self.cells.concat()
    }
}

struct Grid {
    width: usize,
    height: usize,
    rows: Vec<Row>,
    /// The cursor; in the column behind the last one if the row is full.
    x: usize,
    y: usize,
    saved: (usize, usize),
    /// The first and the last row that scroll.
    margins: (usize, usize),
    /// Whether the program draws on what it has written.
    drawing: bool,
    alternate: bool,
    /// The beginning of a line whose end has not left the pane yet.
    carry: String,
    last: char,
    lines: Vec<String>,
}

impl Grid {
    fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self {
            width,
            height,
            rows: vec![Row::default(); height],
            x: 0,
            y: 0,
            saved: (0, 0),
            margins: (0, height - 1),
            drawing: false,
            alternate: false,
            carry: String::new(),
            last: ' ',
            lines: Vec::new(),
        }
    }

    /// Takes over what the pane shows, all of which has been told, but for the
    /// line of the cursor where that is the last of `lines`.
    fn begin(&mut self, rows: &[String], (x, y): (usize, usize), lines: &mut Vec<String>) {
        (self.x, self.y) = (x.min(self.width), y.min(self.height - 1));
        for (row, text) in self.rows.iter_mut().zip(rows) {
            row.cells = cells(text);
        }
        let whole: HashSet<_> = lines.iter().cloned().collect();
        for y in 1..self.height {
            // A line of the pane's width may go on below, or end there.
            let is_full = self.rows[y - 1].cells.len() == self.width;
            self.rows[y - 1].wraps = is_full;
            self.rows[y - 1].wraps = is_full && whole.contains(&self.whole(y));
        }
        for y in 0..self.height {
            let line = self.text(y);
            if !line.is_empty() || y < self.y {
                self.rows[y].told = Some(line);
            }
        }
        let line = self.text(self.y);
        if !line.is_empty() && lines.last() == Some(&line) {
            lines.pop();
            self.rows[self.y].told = None;
        }
    }

    /// Returns the whole line that goes through row `y`.
    fn whole(&self, y: usize) -> String {
        let goes_on = |y: &usize| self.rows[*y].cells.len() == self.width;
        let more = (y..self.height - 1).take_while(goes_on).map(|y| self.rows[y + 1].text());
        (self.text(y) + &more.collect::<String>()).trim_end().to_owned()
    }

    /// Returns the line that ends in row `y`.
    fn text(&self, y: usize) -> String {
        let before = self.rows[..y].iter().rev().take_while(|row| row.wraps).count();
        let mut line = if before == y { self.carry.clone() } else { String::new() };
        line.extend(self.rows[y - before..=y].iter().map(Row::text));
        line.truncate(line.trim_end().len());
        line
    }

    fn tell(&mut self, y: usize) {
        let line = self.text(y);
        if self.rows[y].told.as_ref() != Some(&line) {
            self.lines.push(line.clone());
            self.rows[y].told = Some(line);
        }
        self.rows[y].ended = false;
    }

    /// Tells what the pane shows and has not been told, but for the line of
    /// the cursor, which is not at its end.
    fn settle(&mut self) {
        self.drawing = false;
        for y in 0..self.height {
            let goes_on = self.rows[y].wraps || y == self.y;
            if !goes_on && (self.rows[y].ended || !self.text(y).is_empty()) {
                self.tell(y);
            }
        }
    }

    /// Tells the lines that the program has ended, before it clears them.
    fn settle_ended(&mut self) {
        for y in 0..self.height {
            if self.rows[y].ended {
                self.tell(y);
            }
        }
    }

    /// Tells the first row's line, if it was not, for it goes away.
    fn leave(&mut self, row: &Row) {
        self.carry += &row.text();
        if row.wraps && self.carry.len() < LONGEST {
            return;
        }
        let mut line = mem::take(&mut self.carry);
        line.truncate(line.trim_end().len());
        if row.told.as_ref() != Some(&line) && (row.ended || !line.is_empty()) {
            self.lines.push(line);
        }
    }

    /// Goes down a row; below the last one, the first goes away.
    fn down(&mut self) {
        if self.y == self.margins.1 {
            self.scroll_up();
        } else if self.y + 1 < self.height {
            self.y += 1;
        }
    }

    fn scroll_up(&mut self) {
        let row = self.rows.remove(self.margins.0);
        self.leave(&row);
        self.rows.insert(self.margins.1, Row::default());
    }

    fn scroll_down(&mut self, from: usize) {
        self.rows.remove(self.margins.1);
        self.rows.insert(from, Row::default());
    }

    fn line_feed(&mut self) {
        match self.drawing {
            false => self.tell(self.y),
            true => self.rows[self.y].ended = true,
        }
        self.down();
    }

    /// Goes to a row, which is drawing if the row has been written.
    fn go_to_row(&mut self, y: usize) {
        let y = y.min(self.height - 1);
        self.drawing |= y < self.y;
        self.y = y;
    }

    fn put(&mut self, character: char) {
        let width = character.width().unwrap_or_default();
        if width == 0 {
            if let Some(cell) = self.rows[self.y].cells.get_mut(self.x.wrapping_sub(1)) {
                cell.push(character);
            }
            return;
        }
        if self.x + width > self.width {
            self.rows[self.y].wraps = true;
            self.x = 0;
            self.down();
        }
        let row = &mut self.rows[self.y];
        if row.cells.len() < self.x + width {
            row.cells.resize(self.x + width, " ".to_owned());
        }
        row.cells[self.x] = character.to_string();
        if width == 2 {
            row.cells[self.x + 1].clear();
        }
        self.x += width;
        self.last = character;
    }

    /// Clears columns of the cursor's row.
    fn erase(&mut self, from: usize, to: usize) {
        let row = &mut self.rows[self.y];
        if to >= row.cells.len() {
            row.cells.truncate(from);
            row.wraps = false;
        } else {
            row.cells[from..to].fill(" ".to_owned());
        }
    }

    fn erase_rows(&mut self, from: usize, to: usize) {
        for row in &mut self.rows[from..to] {
            row.cells.clear();
            (row.wraps, row.ended) = (false, false);
        }
    }

    fn erase_display(&mut self, what: usize) {
        match what {
            0 => {
                if (self.x, self.y) == (0, 0) {
                    self.settle_ended();
                }
                self.erase(self.x, usize::MAX);
                self.erase_rows(self.y + 1, self.height);
            }
            1 => {
                self.erase_rows(0, self.y);
                self.erase(0, self.x + 1);
            }
            2 => {
                self.settle_ended();
                self.erase_rows(0, self.height);
            }
            _ => {}
        }
    }

    fn save(&mut self) {
        self.saved = (self.x, self.y);
    }

    fn restore(&mut self) {
        self.x = self.saved.0.min(self.width);
        self.go_to_row(self.saved.1);
    }

    fn resize(&mut self, width: usize, height: usize) {
        if (self.width, self.height) == (width, height) {
            return;
        }
        while self.rows.len() > height {
            if self.y + 1 < self.rows.len() {
                self.rows.pop();
            } else {
                let row = self.rows.remove(0);
                self.leave(&row);
                self.y = self.y.saturating_sub(1);
            }
        }
        self.rows.resize(height, Row::default());
        (self.width, self.height, self.margins) = (width, height, (0, height - 1));
        self.x = self.x.min(width);
    }

    /// Moves the cursor as a control sequence says.
    fn go(&mut self, action: char, first: usize, second: usize) {
        let count = first.max(1);
        match action {
            'A' => self.go_to_row(self.y.saturating_sub(count)),
            'B' | 'e' => self.go_to_row(self.y + count),
            'C' | 'a' => self.x = (self.x + count).min(self.width - 1),
            'D' => self.x = self.x.min(self.width - 1).saturating_sub(count),
            'E' | 'F' => {
                self.x = 0;
                let up = action == 'F';
                self.go_to_row(if up { self.y.saturating_sub(count) } else { self.y + count });
            }
            'G' | '`' => self.x = (count - 1).min(self.width - 1),
            'd' => self.go_to_row(count - 1),
            'H' | 'f' => {
                self.x = (second.max(1) - 1).min(self.width - 1);
                self.go_to_row(count - 1);
            }
            _ => {}
        }
    }

    /// Changes rows as a control sequence says.
    fn change(&mut self, action: char, first: usize, second: usize) {
        let count = first.max(1).min(self.width.max(self.height));
        match action {
            'J' => self.erase_display(first),
            'K' => match first {
                0 => self.erase(self.x, usize::MAX),
                1 => self.erase(0, self.x + 1),
                _ => self.erase(0, usize::MAX),
            },
            'X' => self.erase(self.x, self.x + count),
            'P' => {
                let cells = &mut self.rows[self.y].cells;
                let from = self.x.min(cells.len());
                cells.drain(from..(from + count).min(cells.len()));
            }
            '@' => {
                let (x, width) = (self.x, self.width);
                let cells = &mut self.rows[self.y].cells;
                if x < cells.len() {
                    cells.splice(x..x, vec![" ".to_owned(); count]);
                    cells.truncate(width);
                }
            }
            'L' | 'T' | 'M' | 'S' => self.shift(action, count),
            'b' => (0..count).for_each(|_| self.put(self.last)),
            'r' => {
                let last = if second == 0 { self.height } else { second.min(self.height) } - 1;
                if count - 1 < last {
                    self.margins = (count - 1, last);
                    self.x = 0;
                    self.go_to_row(0);
                }
            }
            's' => self.save(),
            'u' => self.restore(),
            _ => {}
        }
    }

    /// Moves rows up or down.
    fn shift(&mut self, action: char, count: usize) {
        self.drawing = true;
        for _ in 0..count {
            match action {
                'L' if self.y <= self.margins.1 => self.scroll_down(self.y),
                'T' => self.scroll_down(self.margins.0),
                'M' if self.y <= self.margins.1 => {
                    self.rows.remove(self.y);
                    self.rows.insert(self.margins.1, Row::default());
                }
                'S' => self.scroll_up(),
                _ => {}
            }
        }
    }

    /// Shows the alternate screen, or no longer.
    fn show(&mut self, alternate: bool) {
        if alternate && !self.alternate {
            self.save();
        } else if !alternate && self.alternate {
            // Nothing was drawn here meanwhile.
            (self.x, self.y) = (self.saved.0, self.saved.1.min(self.height - 1));
        }
        self.alternate = alternate;
    }
}

impl Perform for Grid {
    fn print(&mut self, character: char) {
        if !self.alternate {
            self.put(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            _ if self.alternate => {}
            b'\n' | 0x0b | 0x0c => self.line_feed(),
            b'\r' => self.x = 0,
            0x08 => self.x = self.x.min(self.width - 1).saturating_sub(1),
            b'\t' => self.x = ((self.x / TAB + 1) * TAB).min(self.width - 1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _: bool, action: char) {
        let number = |index: usize| params.iter().nth(index).and_then(|param| param.first());
        let at = |index: usize| number(index).copied().map_or(0, usize::from);
        match (intermediates, action) {
            (b"?", 'h' | 'l') => {
                let modes = params.iter().flatten();
                if modes.into_iter().any(|mode| [47, 1047, 1049].contains(mode)) {
                    self.show(action == 'h');
                }
            }
            ([], _) if !self.alternate => {
                self.go(action, at(0), at(1));
                self.change(action, at(0), at(1));
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        if self.alternate || !intermediates.is_empty() {
            return;
        }
        match byte {
            b'7' => self.save(),
            b'8' => self.restore(),
            b'D' => self.down(),
            b'E' => {
                self.line_feed();
                self.x = 0;
            }
            b'M' if self.y == self.margins.0 => self.shift('T', 1),
            b'M' => self.go_to_row(self.y.saturating_sub(1)),
            b'c' => {
                self.erase_display(2);
                self.margins = (0, self.height - 1);
                (self.x, self.y) = (0, 0);
            }
            _ => {}
        }
    }
}

/// Returns what each column of a row shows.
fn cells(text: &str) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    for character in text.chars() {
        match (character.width().unwrap_or_default(), cells.iter().rposition(|c| !c.is_empty())) {
            (0, Some(last)) => cells[last].push(character),
            (0, None) => {}
            (1, _) => cells.push(character.to_string()),
            _ => cells.extend([character.to_string(), String::new()]),
        }
    }
    cells
}
