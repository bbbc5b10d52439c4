//! Uploads: streamed to the library piece by piece, never held in memory.

use std::error::Error;

use axum::{
    Json,
    body::Body,
    extract::{
        DefaultBodyLimit, FromRequest, Multipart, Request, State,
        multipart::{Field, MultipartError},
    },
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use pagemill_core::{ErrorCode, Priority, Problem, excerpt};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Faces, body, extract::Params, problem::ApiError};
use crate::library::{AddOptions, views::AddedDocument};

/// A request of several files may have this many times the limit of one file.
const FILES_WORTH: u64 = 16;
/// The most files in one request.
const MOST_FILES: usize = 1000;
/// When to ask for the task, in seconds.
const RETRY_AFTER: &str = "1";

/// How to take in what is uploaded.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "snake_case")]
pub(super) struct AddParams {
    /// The file's name, when the body is the file itself.
    name: Option<String>,
    /// The recipe to process it with.
    recipe: Option<String>,
    /// `high`, `normal` or `batch`.
    #[param(value_type = Option<String>)]
    priority: Option<Priority>,
}

/// A form with one or many files.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described, never built: the form is read as a stream")]
pub(super) struct UploadForm {
    /// The files; the names of the fields are free.
    #[schema(value_type = Vec<String>, format = Binary)]
    files: Vec<Vec<u8>>,
}

/// What became of the files of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AddedList {
    /// One entry a file, in the order sent; refused ones carry their error.
    documents: Vec<AddedDocument>,
}

/// Add one or many documents.
///
/// Send a form of files, or one file as the body itself (`application/pdf`, its
/// name in `?name=`). The files are safe when the answer comes; processing goes on
/// behind it: `Location` is the task of the first file. A file that cannot be
/// taken is an entry with an error; when no file could be, the answer is that error.
#[utoipa::path(post, path = "/documents", tag = "documents", params(AddParams),
    request_body(content((UploadForm = "multipart/form-data"), (Vec<u8> = "application/pdf"))),
    responses((status = 202, body = AddedList,
        headers(("Location" = String, description = "The task of the first file"),
                ("Retry-After" = u32, description = "Seconds until it is worth asking")))))]
pub(super) async fn add_documents(
    State(faces): State<Faces>,
    Params(params): Params<AddParams>,
    request: Request,
) -> Result<Response, ApiError> {
    let options = options_of(&params);
    let documents = match media_type(&request).as_str() {
        "multipart/form-data" => add_form(&faces, request, &options).await?,
        "" | "application/pdf" | "application/octet-stream" => {
            let name = params.name.as_deref().unwrap_or("unnamed.pdf");
            vec![add_body(&faces, request.into_body(), name, &options).await?]
        }
        other => {
            let other = excerpt(other, 60);
            let message = format!("`{other}` is not taken here: send `application/pdf` or `multipart/form-data`");
            return Err(ApiError::new(ErrorCode::UnsupportedMedia, message));
        }
    };
    Ok(accepted(documents))
}

fn options_of(params: &AddParams) -> AddOptions {
    let usual = AddOptions::default();
    AddOptions {
        recipe: params.recipe.clone().unwrap_or(usual.recipe),
        priority: params.priority.unwrap_or(usual.priority),
    }
}

fn media_type(request: &Request) -> String {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn declared_length(request: &Request) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn accepted(documents: Vec<AddedDocument>) -> Response {
    let task = documents.iter().find_map(|document| document.task.as_deref());
    let location = task.and_then(|task| HeaderValue::from_str(&format!("/api/v1/tasks/{task}")).ok());
    let mut answer = (StatusCode::ACCEPTED, Json(AddedList { documents })).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    if let Some(location) = location {
        headers.insert(HeaderName::from_static("location"), location);
    }
    answer
}

/// The body is the file.
async fn add_body(faces: &Faces, body: Body, name: &str, options: &AddOptions) -> Result<AddedDocument, ApiError> {
    let most = faces.library.upload_limit();
    let declared = http_body_length(&body);
    if declared.is_some_and(|length| length > most) {
        body::drain(body);
        return Err(body::too_large(most).into());
    }
    let mut upload = faces.library.begin_upload().await?;
    let mut pieces = body::bounded(body, most);
    while let Some(piece) = pieces.next().await {
        upload.write(&piece?).await?;
    }
    Ok(faces.library.finish_upload(&faces.project, upload, name, options).await?)
}

/// The length of a body that declares one.
fn http_body_length(body: &Body) -> Option<u64> {
    use axum::body::HttpBody as _;
    body.size_hint().exact()
}

/// The body is a form; every field is a file.
async fn add_form(faces: &Faces, request: Request, options: &AddOptions) -> Result<Vec<AddedDocument>, ApiError> {
    let most = faces.library.upload_limit().saturating_mul(FILES_WORTH);
    if declared_length(&request).is_some_and(|length| length > most) {
        body::drain(request.into_body());
        return Err(body::too_large(most).into());
    }
    let mut form = open_form(request, most).await?;
    let mut documents = Vec::new();
    let mut refusals = Vec::new();
    while let Some(field) = form.next_field().await.map_err(form_problem)? {
        if documents.len() == MOST_FILES {
            return Err(ApiError::invalid(format!(
                "one request takes {MOST_FILES} files at most; send the rest in another"
            )));
        }
        let Some(name) = field.file_name().map(str::to_owned) else {
            let name = excerpt(field.name().unwrap_or("without a name"), 60);
            return Err(ApiError::invalid(format!("the field `{name}` is not a file; settings go after the `?`")));
        };
        match add_field(faces, field, &name, options).await {
            Ok(document) => documents.push(document),
            Err(problem) => {
                documents.push(AddedDocument::refused(pagemill_core::normalize_name(&name), &problem));
                refusals.push(problem);
            }
        }
    }
    match (documents.len(), refusals.len()) {
        (0, _) => Err(ApiError::invalid("the form has no file")),
        (1, 1) => Err(refusals.swap_remove(0).into()),
        (files, refused) if files == refused => {
            let first = refusals.swap_remove(0);
            let message = format!("none of the {files} files was taken; the first: {}", first.message);
            Err(Problem { message, ..first }.into())
        }
        _ => Ok(documents),
    }
}

async fn open_form(request: Request, most: u64) -> Result<Multipart, ApiError> {
    let (parts, body) = request.into_parts();
    let stream = body::bounded(body, most);
    let mut request = Request::from_parts(parts, Body::from_stream(stream));
    DefaultBodyLimit::disable().apply(&mut request);
    Multipart::from_request(request, &()).await.map_err(|rejection| {
        ApiError(Problem::new(ErrorCode::InvalidRequest, rejection.body_text()).caused_by(rejection))
    })
}

/// Takes in one file. After a refusal its remaining bytes are read past, so that the next file gets its turn.
async fn add_field(
    faces: &Faces,
    mut field: Field<'_>,
    name: &str,
    options: &AddOptions,
) -> Result<AddedDocument, Problem> {
    let mut upload = faces.library.begin_upload().await?;
    while let Some(piece) = field.chunk().await.map_err(|error| form_problem(error).0)? {
        if let Err(problem) = upload.write(&piece).await {
            drop(upload);
            while field.chunk().await.map_err(|error| form_problem(error).0)?.is_some() {}
            return Err(problem);
        }
    }
    faces.library.finish_upload(&faces.project, upload, name, options).await
}

/// The problem inside an error of the form's parser, or the parser's own words.
fn form_problem(error: MultipartError) -> ApiError {
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = source {
        if let Some(problem) = inner.downcast_ref::<Problem>() {
            return ApiError::new(problem.code, problem.message.clone());
        }
        source = inner.source();
    }
    ApiError(
        Problem::new(ErrorCode::InvalidRequest, format!("the form is broken: {}", error.body_text())).caused_by(error),
    )
}
