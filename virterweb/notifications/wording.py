"""Texts about deliveries. Pure."""

from virterweb.messages import add_wording

add_wording(
    {
        "notification.status": "The server answered with the HTTP status {status}.",
        "notification.not_sent": "It could not be sent: {reason}",
        "notification.no_mail": "E-mail is not set up: VIRTERWEB_SMTP_URL is empty.",
        "notification.given_up": "Given up after a day. {reason}",
    }
)
