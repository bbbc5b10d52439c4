//! Refuses parameters that an address does not have: with a filter misspelled, a list would be of everything.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Query, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use pagemill_core::excerpt;
use utoipa::openapi::{
    OpenApi as Document,
    path::{Operation, ParameterIn, PathItem},
};

use super::problem::ApiError;

/// The parameters of each address by method, as the description of the API has them.
#[derive(Clone)]
pub(super) struct KnownParameters(Arc<HashMap<String, HashMap<Method, Vec<String>>>>);

impl KnownParameters {
    pub(super) fn of(document: &Document) -> Self {
        let paths = document.paths.paths.iter();
        Self(Arc::new(paths.map(|(path, item)| (path.clone(), by_method(item))).collect()))
    }
}

fn by_method(item: &PathItem) -> HashMap<Method, Vec<String>> {
    let operations = [
        (Method::GET, &item.get),
        (Method::HEAD, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, names(operation.as_ref()?)))).collect()
}

fn names(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    parameters.filter(|one| one.parameter_in == ParameterIn::Query).map(|one| one.name.clone()).collect()
}

/// The layer over everything that is described.
pub(super) async fn refuse_unknown(
    State(known): State<KnownParameters>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.uri().query().is_some_and(|query| !query.is_empty())
        && let Some(known) = known.0.get(path.as_str()).and_then(|methods| methods.get(request.method()))
    {
        let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|_odd| ApiError::invalid("what stands behind the `?` is no list of parameters"))?;
        if let Some((odd, _)) = given.iter().find(|(name, _)| !known.contains(name)) {
            let there_are = match known.join("`, `") {
                names if names.is_empty() => "none".to_owned(),
                names => format!("`{names}`"),
            };
            let odd = excerpt(odd, 40);
            return Err(ApiError::invalid(format!("there is no parameter `{odd}` here; there are {there_are}")));
        }
    }
    Ok(next.run(request).await)
}
