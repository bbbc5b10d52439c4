//! What handlers take, with refusals that say what to do.

use std::{error::Error, ops::Deref, time::Duration};

use axum::{
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{JsonRejection, PathRejection},
    },
    http::request::Parts,
};
use pagemill_core::{ErrorCode, Problem};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use utoipa::IntoParams;

use super::problem::ApiError;

/// How long the whole of a JSON body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A body of JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match tokio::time::timeout(BODY_TIME, axum::Json::<T>::from_request(request, state)).await {
            Ok(Ok(axum::Json(body))) => Ok(Self(body)),
            Ok(Err(rejection)) => Err(refuse_json(rejection)),
            Err(_elapsed) => Err(ApiError::invalid("the body did not arrive in time; send it again")),
        }
    }
}

/// A body of JSON that may be left out.
///
/// # Errors
/// As [`Json`].
pub(super) async fn optional_json<T: DeserializeOwned + Default>(request: Request) -> Result<T, ApiError> {
    use axum::body::HttpBody as _;
    if request.body().size_hint().exact() == Some(0) {
        return Ok(T::default());
    }
    Json::from_request(request, &()).await.map(|Json(body)| body)
}

fn refuse_json(rejection: JsonRejection) -> ApiError {
    let message = match rejection.status().as_u16() {
        413 => {
            return ApiError::new(
                ErrorCode::TooLarge,
                format!("a JSON body may have {} KiB at most", super::body::JSON_BYTES / 1024),
            );
        }
        415 => {
            return ApiError::new(
                ErrorCode::UnsupportedMedia,
                "the body must be JSON: send `Content-Type: application/json`",
            );
        }
        _ => format!("the body is not what is taken here: {}; see /docs for what is", reason(&rejection)),
    };
    ApiError(Problem::new(ErrorCode::InvalidRequest, message).caused_by(rejection))
}

/// What the reader of a request found, without the words of the web framework around it.
fn reason(rejection: &dyn Error) -> String {
    rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string)
}

/// Reads a part of a body that is a query elsewhere, with other parameters beside it. Here nothing else may stand.
pub(super) fn nothing_else<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + IntoParams,
    D: Deserializer<'de>,
{
    let fields = serde_json::Map::deserialize(deserializer)?;
    let known: Vec<String> = T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
    if let Some(odd) = fields.keys().find(|name| !known.contains(name)) {
        let (odd, known) = (pagemill_core::excerpt(odd, 40), known.join("`, `"));
        return Err(D::Error::custom(format!("unknown field `{odd}`, expected one of `{known}`")));
    }
    serde_json::from_value(fields.into()).map_err(D::Error::custom)
}

/// The parameters after the `?`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let message = format!("a parameter is not what is taken here: {}", reason(&rejection));
                Err(ApiError(Problem::new(ErrorCode::InvalidRequest, message).caused_by(rejection)))
            }
        }
    }
}

/// The parts of the path.
pub(super) struct Address<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Address<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(address)) => Ok(Self(address)),
            Err(rejection) => Err(refuse_path(rejection)),
        }
    }
}

fn refuse_path(rejection: PathRejection) -> ApiError {
    ApiError(Problem::new(ErrorCode::InvalidRequest, rejection.body_text()).caused_by(rejection))
}

impl<T> Deref for Address<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The size of a list, within 1 and `most`.
pub(super) fn list_limit(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, ApiError> {
    match asked.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        limit => Err(ApiError::invalid(format!("`limit` is {limit}; it goes from 1 to {most}"))),
    }
}
