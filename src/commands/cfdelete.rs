//! `cfdelete cf://ID...`: deletes CloudFront distributions.

use crate::commands::shared::cloudfront::{find_distributions, service};
use crate::commands::shared::context::Context;
use crate::commands::shared::document::end_of_dry_run;
use crate::output::{Event, Outcome};
use s3cmd_client::Result;
use s3cmd_client::ops::cloudfront::{Changes, CloudFront};
use std::ffi::OsString;
use std::time::Duration;

/// Time between two status requests (measured on s3cmd 2.4.0).
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Deletes each distribution. An enabled one is disabled first, and deleted once all edge locations have the change,
/// which takes minutes.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let service = service(cx);
    for uri in find_distributions(cx, &service, args).await? {
        if cx.settings.dry_run {
            continue;
        }
        delete(&service, &uri.distribution, POLL_INTERVAL).await?;
        cx.console.print(&Event::DistributionDeleted { id: &uri.distribution })?;
    }
    end_of_dry_run(cx);
    Ok(())
}

async fn delete(service: &CloudFront, id: &str, poll_interval: Duration) -> Result<()> {
    let (mut config, etag) = service.config(id).await?;
    if config.enabled() {
        config.change(&Changes { enabled: Some(false), ..Changes::default() });
        service.update(id, &config, &etag).await?;
    }
    let mut warned = false;
    let etag = loop {
        let (now, etag) = service.distribution(id).await?;
        if !now.enabled && now.status == "Deployed" {
            break etag;
        }
        if warned {
            log::warn!("Still waiting...");
        } else {
            log::warn!("Waiting for Distribution to become disabled.");
            log::warn!("This may take several minutes, please wait.");
            warned = true;
        }
        tokio::time::sleep(poll_interval).await;
    };
    service.delete(id, &etag).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::ClientOptions;
    use s3cmd_client::credentials::Credentials;
    use s3cmd_client::endpoint::Endpoint;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const CONFIG: &str = "<DistributionConfig><CallerReference>r</CallerReference><Enabled>ENABLED</Enabled><Unknown x=\"1\"/></DistributionConfig>";

    /// Serves canned responses to consecutive requests. Returns the requests: first line, `If-Match`, body.
    async fn service(answers: &[(&str, &str)]) -> (CloudFront, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answers: Vec<(String, String)> =
            answers.iter().map(|(etag, body)| ((*etag).to_owned(), (*body).to_owned())).collect();
        let requests = tokio::spawn(async move {
            let mut requests = Vec::new();
            for (etag, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
                let text = loop {
                    let count = stream.read(&mut piece).await.unwrap();
                    bytes.extend_from_slice(&piece[..count]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let length = |head: &str| {
                        let value = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                        value.map_or(0, |value| value.parse::<usize>().unwrap())
                    };
                    if let Some((head, body)) = text.split_once("\r\n\r\n")
                        && body.len() >= length(head)
                    {
                        break text;
                    }
                    assert!(count > 0, "half a request: {text}");
                };
                let (head, sent) = text.split_once("\r\n\r\n").unwrap();
                let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
                let matching = head.lines().find_map(|line| line.strip_prefix("if-match: ")).unwrap_or("");
                requests.push(format!("{line} {matching} {sent}").trim_end().to_owned());
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        let endpoint = Endpoint::new(&host, "", false, true);
        let credentials = Credentials::new("A", "B", None);
        (CloudFront::new(ClientOptions::new(endpoint, Some(credentials))), requests)
    }

    fn distribution(status: &str, enabled: &str) -> String {
        let config = CONFIG.replace("ENABLED", enabled);
        format!("<Distribution><Id>E1</Id><Status>{status}</Status>{config}</Distribution>")
    }

    #[tokio::test]
    async fn a_distribution_is_deleted_once_it_is_disabled_everywhere() {
        let on = CONFIG.replace("ENABLED", "true");
        let (waiting, off) = (distribution("InProgress", "false"), distribution("Deployed", "false"));
        let answers = [
            ("e1", on.as_str()),
            ("e2", &waiting),
            ("e2", &waiting),
            ("e2", &waiting),
            ("e3", &off),
            ("", ""),
        ];
        let (service, requests) = service(&answers).await;
        delete(&service, "E1", Duration::ZERO).await.unwrap();
        let changed = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DistributionConfig><CallerReference>r</CallerReference><Enabled>false</Enabled><Unknown x=\"1\"></Unknown></DistributionConfig>";
        let put = format!("PUT /2020-05-31/distribution/E1/config e1 {changed}");
        let get = "GET /2020-05-31/distribution/E1";
        let delete = "DELETE /2020-05-31/distribution/E1 e3";
        let config = "GET /2020-05-31/distribution/E1/config";
        assert_eq!(requests.await.unwrap(), [config, &put, get, get, get, delete]);
    }

    #[tokio::test]
    async fn a_disabled_distribution_is_deleted_at_once() {
        let (config, off) = (CONFIG.replace("ENABLED", "false"), distribution("Deployed", "false"));
        let (service, requests) = service(&[("e1", &config), ("e1", &off), ("", "")]).await;
        delete(&service, "E1", POLL_INTERVAL).await.unwrap();
        assert_eq!(requests.await.unwrap().last().unwrap(), "DELETE /2020-05-31/distribution/E1 e1");
    }
}
