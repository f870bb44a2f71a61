// SPDX-License-Identifier: Apache-2.0

// watch.js KIND DIRECTORY: chokidar, asked to watch the files or their directory; prints "read SHA256" as go/main.go does.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { watch } from "chokidar";

const [kind, directory] = process.argv.slice(2);
const files = ["fullchain.pem", "privkey.pem"].map((name) => join(directory, name));
let shown;

function read() {
  let digest;
  try {
    const leaf = new X509Certificate(readFileSync(files[0]));
    digest = leaf.fingerprint256.replaceAll(":", "").toLowerCase();
  } catch {
    return;
  }
  if (digest !== shown) console.log("read", (shown = digest));
}

watch(kind === "files" ? files : directory).on("all", read).on("ready", read);
