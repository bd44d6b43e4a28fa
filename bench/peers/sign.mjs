// Makes passes with passkit-generator: node sign.mjs NODE_MODULES FOLDER. See sign.py for what FOLDER holds.

import { createRequire } from "node:module";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join, relative } from "node:path";

const [modules, folder] = process.argv.slice(2);
const { PKPass } = createRequire(join(modules, "x.js"))("passkit-generator");
const card = JSON.parse(readFileSync(join(folder, "card.json"), "utf8"));
const files = {};
for (const path of readdirSync(join(folder, "files"), { recursive: true })) {
  const whole = join(folder, "files", path);
  if (statSync(whole).isFile()) files[relative(join(folder, "files"), whole)] = readFileSync(whole);
}
const read = (name) => readFileSync(join(folder, name), "utf8");
const certificates = { wwdr: read("wwdr.pem"), signerCert: read("pass.pem"), signerKey: read("pass.key") };
let number = 0;

function make() {
  number += 1;
  const own = structuredClone(card);
  own.serialNumber = `serial-${number}`;
  for (const group of Object.values(own.storeCard)) {
    for (const field of group) {
      if (field.key === "balance") field.value = number;
      if (field.key === "member") field.value = `Member ${number}`;
    }
  }
  const pass = new PKPass({ ...files, "pass.json": Buffer.from(JSON.stringify(own)) }, certificates);
  return pass.getAsBuffer();
}

writeFileSync(join(folder, "passkit-generator.pkpass"), make());
console.log(JSON.stringify({ library: "passkit-generator" }));
for await (const line of createInterface({ input: process.stdin })) {
  const began = process.cpuUsage();
  let made;
  for (let done = 0; done < Number(line); done += 1) made = make();
  const used = process.cpuUsage(began);
  writeFileSync(join(folder, "passkit-generator.pkpass"), made);
  console.log(JSON.stringify({ seconds: (used.user + used.system) / 1e6 }));
}
