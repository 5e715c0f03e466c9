// A provider of cashless cards on the SOAP stack of Node: HTTPS with a client certificate, and a
// WS-Security UsernameToken. It shares nothing with rtbill but the WSDL.
//
//   node server.js WSDL CERT KEY CLIENT_CA USER PASSWORD SEEN
//
// It writes its port as the first line, and who asked last, over which TLS, into the file SEEN.

"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const https = require("node:https");
const soap = require("soap");

const [wsdl, cert, key, clientCa, user, password, seen] = process.argv.slice(2);
const cards = new Map([["4711", 5000]]);
const payments = new Map();
const nonces = new Set();

function fault(code, text) {
  return { Fault: { faultcode: "soap:Client", faultstring: text, detail: {
    CashlessFault: { code, text } }, statusCode: 500 } };
}

function told(payment) {
  const { reference, authorisation, amount, currency, state } = payment;
  return { reference, authorisation, amount, currency, state };
}

function known(reference) {
  const payment = payments.get(reference);
  if (!payment) throw fault("REFERENCE_UNKNOWN", "no such reference");
  return payment;
}

const operations = {
  Authorise({ reference, amount, currency, card }) {
    if (payments.has(reference)) return told(payments.get(reference));
    const cents = Number(amount);
    if (!cards.has(card)) throw fault("CARD_UNKNOWN", "no such card");
    if (cards.get(card) < cents) throw fault("INSUFFICIENT_FUNDS", "not enough money");
    cards.set(card, cards.get(card) - cents);
    const payment = { reference, authorisation: `N${payments.size + 1}`, amount: cents, currency,
      card, state: "reserved" };
    payments.set(reference, payment);
    return told(payment);
  },
  Capture({ reference }) {
    const payment = known(reference);
    if (payment.state === "reserved") payment.state = "captured";
    return told(payment);
  },
  Void({ reference }) {
    const payment = known(reference);
    if (payment.state === "reserved") {
      payment.state = "voided";
      cards.set(payment.card, cards.get(payment.card) + payment.amount);
    }
    return told(payment);
  },
  Query({ reference }) {
    const payment = payments.get(reference);
    return payment ? told(payment) : { reference, state: "unknown" };
  },
  Refund() { throw fault("DECLINED", "no money back"); },
  List() { return { total: 0 }; },
};

function attribute(element, name) {
  return (element && element.attributes && element.attributes[name]) || "";
}

function isGenuine(security) {
  const token = security && security.UsernameToken;
  if (!token || token.Username !== user) return false;
  const given = token.Password && (token.Password.$value || token.Password);
  const kind = attribute(token.Password, "Type");
  if (kind.endsWith("#PasswordText")) return given === password;
  if (!kind.endsWith("#PasswordDigest")) return false;
  const nonce = (token.Nonce && (token.Nonce.$value || token.Nonce)) || "";
  const created = token.Created || "";
  const fresh = Math.abs(Date.now() - Date.parse(created)) < 300000;
  const hash = crypto.createHash("sha1");
  hash.update(Buffer.from(nonce, "base64")).update(created).update(password);
  if (!fresh || nonces.has(nonce) || hash.digest("base64") !== given) return false;
  nonces.add(nonce);
  return true;
}

const server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key),
  ca: fs.readFileSync(clientCa), requestCert: true, rejectUnauthorized: true,
  minVersion: "TLSv1.2" });
server.listen(0, "127.0.0.1", () => {
  const listener = soap.listen(server, "/soap",
    { Cashless: { CashlessPort: operations } }, fs.readFileSync(wsdl, "utf8"));
  listener.authenticate = isGenuine;
  server.on("secureConnection", (socket) => {
    const peer = socket.getPeerCertificate();
    fs.writeFileSync(seen, `${peer.subject && peer.subject.CN} ${socket.getProtocol()}`);
  });
  process.stdout.write(`${server.address().port}\n`);
});
