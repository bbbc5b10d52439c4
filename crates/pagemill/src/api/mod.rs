//! The HTTP face: requests in, calls of the library facade, views out.
//!
//! A handler parses, makes one or two calls and converts; nothing here touches
//! the database. Everything that a browser, a stranger's web page or a slow
//! client could do wrong is dealt with in [`guard`], [`body`] and [`server`].

mod backup;
mod body;
mod documents;
mod events;
mod extract;
mod figures;
mod guard;
mod health;
mod openapi;
mod pages;
mod parameters;
mod problem;
mod process;
mod queues;
mod schedules;
mod search;
mod server;
mod site;
mod tables;
mod tasks;
mod upload;
mod webhooks;
mod websocket;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{Router, middleware};
use pagemill_core::ProjectId;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::library::Library;

pub use openapi::document as openapi;
pub(crate) use server::raise_open_files;
pub use server::serve;

/// What every handler is given.
#[derive(Clone)]
struct Faces {
    library: Arc<Library>,
    /// The project of every request, until there are keys that name one.
    project: ProjectId,
    /// Set when the server stops: long answers end then.
    stopping: CancellationToken,
    /// The WebSockets that are open.
    sockets: Arc<websocket::Sockets>,
}

/// The whole site: the API, its description, health and the web page.
pub fn router(library: Arc<Library>) -> Router {
    site_router(library, CancellationToken::new(), Arc::default())
}

fn site_router(library: Arc<Library>, stopping: CancellationToken, sockets: Arc<websocket::Sockets>) -> Router {
    let faces = Faces { library, project: ProjectId::default_project(), stopping, sockets };
    let (described, document) = described_routes().split_for_parts();
    let known = parameters::KnownParameters::of(&document);
    described
        .layer(middleware::from_fn_with_state(known, parameters::refuse_unknown))
        .merge(openapi::routes())
        .merge(site::routes())
        .fallback(problem::no_such_address)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(body::json_limit())
        .layer(middleware::from_fn(guard::same_site_only))
        .layer(middleware::from_fn(guard::finish_answer))
        .with_state(faces)
}

/// The routes that the OpenAPI document describes; the two are made from the same list.
fn described_routes() -> OpenApiRouter<Faces> {
    let api = OpenApiRouter::new()
        .routes(routes!(upload::add_documents, documents::list_documents))
        .routes(routes!(documents::get_document, documents::delete_document))
        .routes(routes!(documents::get_file, process::replace_file))
        .routes(routes!(process::process_document))
        .routes(routes!(process::get_ledger))
        .routes(routes!(documents::get_text))
        .routes(routes!(documents::get_markdown))
        .routes(routes!(documents::get_status))
        .routes(routes!(pages::list_pages))
        .routes(routes!(pages::get_page))
        .routes(routes!(pages::list_blocks))
        .routes(routes!(pages::get_image))
        .routes(routes!(tables::list_tables))
        .routes(routes!(tables::get_table))
        .routes(routes!(figures::list_figures))
        .routes(routes!(figures::get_figure))
        .routes(routes!(figures::get_figure_image))
        .routes(routes!(tasks::list_tasks))
        .routes(routes!(tasks::get_statistics))
        .routes(routes!(tasks::change_tasks))
        .routes(routes!(tasks::get_task))
        .routes(routes!(tasks::why))
        .routes(routes!(tasks::cancel_task))
        .routes(routes!(tasks::pause_task))
        .routes(routes!(tasks::resume_task))
        .routes(routes!(tasks::retry_task))
        .routes(routes!(queues::list_queues))
        .routes(routes!(queues::get_queue, queues::change_queue))
        .routes(routes!(queues::pause_queue))
        .routes(routes!(queues::resume_queue))
        .routes(routes!(queues::list_workers))
        .routes(routes!(queues::list_dead_letters))
        .routes(routes!(queues::replay_dead_letters))
        .routes(routes!(queues::get_dead_letter, queues::discard_dead_letter))
        .routes(routes!(queues::replay_dead_letter))
        .routes(routes!(search::search, search::search_by_address))
        .routes(routes!(search::query))
        .routes(routes!(events::stream_events))
        .routes(routes!(backup::make_backup))
        .routes(routes!(schedules::list_schedules))
        .routes(routes!(schedules::run_schedule))
        .routes(routes!(events::task_events))
        .routes(routes!(webhooks::create_webhook, webhooks::list_webhooks))
        .routes(routes!(webhooks::delete_webhook))
        .routes(routes!(webhooks::enable_webhook))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::list_deliveries))
        .routes(routes!(health::get_library));
    OpenApiRouter::with_openapi(openapi::base())
        .nest("/api/v1", api)
        .routes(routes!(websocket::connect))
        .routes(routes!(websocket::info))
        .routes(routes!(websocket::broadcast))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::health))
        .routes(routes!(health::metrics))
}
