// Answers every push with 200 over HTTP/2 and TLS with client certificates, as fast as Node can: node sink.mjs FOLDER.
// FOLDER holds server.pem, server.key and client-root.pem. Prints its port; on SIGTERM how many it answered.

import { createSecureServer } from "node:http2";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const read = (name) => readFileSync(join(process.argv[2], name));
const server = createSecureServer({
  cert: read("server.pem"),
  key: read("server.key"),
  ca: read("client-root.pem"),
  requestCert: true,
  rejectUnauthorized: true,
  settings: { maxConcurrentStreams: 1000 },
});
let answered = 0;
server.on("stream", (stream, headers) => {
  answered += 1;
  stream.respond({ ":status": 200, "apns-id": headers["apns-id"] ?? "0" }, { endStream: true });
  stream.resume();
});
server.on("sessionError", () => {});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.on("SIGTERM", () => {
  console.log(JSON.stringify({ answered }));
  process.exit(0);
});
