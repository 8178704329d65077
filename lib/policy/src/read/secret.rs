//! The entries `[[secret]]`.

use document::policy::Form;

use super::{Reader, Table};
use crate::{
    Pattern, PolicyError,
    rule::From,
    secret::{self, Secret},
    tree::Node,
};

impl Reader<'_> {
    pub(super) fn secret(&self, line: usize, node: Node) -> Result<Secret, PolicyError> {
        let mut table = self.table(node)?;
        let host = self.required(&mut table, line, "host")?;
        let host = self.secret_host(host)?;
        let header = self.required(&mut table, line, "header")?;
        let header = self.sound("header", header, secret::header_problem)?;
        let file = self.required(&mut table, line, "file")?;
        let file = self.sound("file", file, secret::file_problem)?;
        let form = table.text("form")?.map(|(at, form)| self.form(at, &form));
        let form = form.transpose()?.unwrap_or_default();
        let user = table.text("user")?;
        if let (Some((at, _)), true) = (&user, form != Form::Basic) {
            return self.wrong(*at, "'user' is for the form 'basic' alone".to_owned());
        }
        let user = user.map(|user| self.sound("user", user, secret::user_problem)).transpose()?;
        let env = table.text("env")?;
        let env = env.map(|env| self.sound("env", env, secret::variable_problem)).transpose()?;
        let why = table.text("why")?.map(|(_, why)| why);
        let from = if self.is_composed { table.text("from")? } else { None };
        let from = from.and_then(|(_, from)| From::parse(&from));
        table.end()?;
        let from = from.unwrap_or(From { file: self.file.to_owned(), line });
        Ok(Secret { host, header, file, form, user, env, why, from })
    }

    fn required(
        &self,
        table: &mut Table<'_>,
        line: usize,
        key: &'static str,
    ) -> Result<(usize, String), PolicyError> {
        match table.text(key)? {
            Some(found) => Ok(found),
            None => self.wrong(line, format!("the secret has no '{key}'")),
        }
    }

    fn secret_host(&self, (line, name): (usize, String)) -> Result<String, PolicyError> {
        let pattern = Pattern::parse(&name).map_err(|source| PolicyError::Name {
            file: self.file.to_owned(),
            line,
            source,
        })?;
        match pattern.below {
            true => self.wrong(line, format!("'{name}' is not one host; a secret is for one")),
            false => Ok(pattern.name),
        }
    }

    fn sound(
        &self,
        key: &str,
        (line, text): (usize, String),
        problem: fn(&str) -> Option<&'static str>,
    ) -> Result<String, PolicyError> {
        match problem(&text) {
            Some(problem) => {
                self.wrong(line, format!("'{key}' is '{}', {problem}", text.escape_debug()))
            }
            None => Ok(text),
        }
    }

    fn form(&self, line: usize, text: &str) -> Result<Form, PolicyError> {
        match text {
            "bearer" => Ok(Form::Bearer),
            "token" => Ok(Form::Token),
            "basic" => Ok(Form::Basic),
            "raw" => Ok(Form::Raw),
            _ => self.wrong(line, format!("'form' is '{text}', not bearer, token, basic or raw")),
        }
    }
}
