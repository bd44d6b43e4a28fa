// Opens passes with two libraries that know nothing of this service: node read.mjs FOLDER.
// pass-js reads the archive itself, with its checksums, pictures and words; passkit-generator holds pass.json
// against its schemas and drops what they do not allow. For each .pkpass one line of JSON: what was understood, or
// why it was refused.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import passJs from "@walletpass/pass-js";
import { PKPass } from "passkit-generator";
import yauzl from "yauzl";

let complaints = [];
console.warn = (...words) => complaints.push(words.join(" "));

async function unzipped(raw) {
  const files = {};
  const archive = await promisify(yauzl.fromBuffer)(raw, { lazyEntries: true });
  const stream = promisify(archive.openReadStream.bind(archive));
  return new Promise((resolve, reject) => {
    archive.on("error", reject).on("end", () => resolve(files));
    archive.on("entry", async (entry) => {
      const parts = [];
      for await (const part of await stream(entry)) parts.push(part);
      files[entry.fileName] = Buffer.concat(parts);
      archive.readEntry();
    });
    archive.readEntry();
  });
}

async function read(raw) {
  complaints = [];
  try {
    const template = await passJs.Template.fromBuffer(raw);
    template.createPass().validate();
    const words = Object.fromEntries([...template.localization].map(([language, map]) => [language, Object.fromEntries(map)]));
    const understood = new PKPass(await unzipped(raw), undefined).props;
    if (complaints.length) throw new Error(complaints.join("; "));
    return { pass: understood, words, pictures: [...template.images.keys()] };
  } catch (error) {
    return { refused: `${error.message}` };
  }
}

const folder = process.argv[2];
for (const name of readdirSync(folder).sort()) {
  console.log(JSON.stringify({ name, ...(await read(readFileSync(join(folder, name)))) }));
}
