// Each bundler builds programs with the client, and a page or Node runs what it has built.

import test from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import commonjs from "@rollup/plugin-commonjs";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite5 from "vite5";
import * as vite6 from "vite6";
import webpack from "webpack";
import { browse, open, options, serve } from "../browser/sockhop.mjs";
import { HEARD, greeter, needsNode, node, project } from "./project.mjs";

const SCRIPT = "<script defer src=main.js></script>";
const MODULE = "<script type=module src=main.js></script>";

/** A worker that Vite puts into the script itself. */
const INLINE = /a request to elsewhere: blob:/;
const writePage = (folder, how) =>
  writeFileSync(join(folder, "index.html"), `<!doctype html><title>built</title><link rel=icon href=data:,><p></p>${how}`);

/** Serves the folder in a page with this script, and waits for what the program has heard. */
async function visit(t, context, folder, how) {
  if (how) writePage(folder, how);
  const page = await open(t, context, (await serve(t, ["greet", "--page", folder])).url, INLINE);
  await page.locator("p", { hasText: HEARD }).waitFor();
}

/** Builds each program into a folder of its own with `build(entry, folder)`, and visits them all. */
async function visitAll(t, entries, how, build) {
  const source = await project(t);
  const context = await browse(t);
  for (const entry of entries) {
    const folder = join(source, `built-${entry}`);
    mkdirSync(folder);
    await build(join(source, entry), folder);
    await visit(t, context, folder, how);
  }
}

/** The same with programs for Node. */
async function runAll(t, entries, build) {
  const source = await project(t);
  const address = await greeter(t);
  for (const entry of entries) {
    const file = join(source, `built-${entry}.cjs`);
    await build(join(source, entry), file);
    assert.equal(await node(file, address), `${HEARD}\n`, entry);
  }
}

const ALL = ["default.mjs", "named.mjs", "hub-user.mjs", "interop.mjs", "required.cjs", "global.mjs"];

for (const [name, how, settings] of [
  ["by default", SCRIPT, {}],
  ["minified", SCRIPT, { minify: true }],
  ["as iife for es2020", SCRIPT, { format: "iife", target: "es2020" }],
  ["as esm for es2020", MODULE, { format: "esm", target: "es2020" }],
]) {
  test(`esbuild ${name}`, options, (t) => visitAll(t, ALL, how, (entry, folder) =>
    esbuild.build({ entryPoints: [entry], bundle: true, outfile: join(folder, "main.js"), logLevel: "silent", ...settings })
      .then(({ warnings }) => assert.deepEqual(warnings, []))));
}

test("esbuild as cjs", { ...options, ...needsNode }, (t) => runAll(t, ALL, (entry, outfile) =>
  esbuild.build({ entryPoints: [entry], bundle: true, outfile, format: "cjs", platform: "node", logLevel: "silent" })));

for (const [name, vite] of Object.entries({ vite5, vite6 })) {
  test(name, options, (t) => visitAll(t, ["default.mjs", "named.mjs", "hub-user.mjs", "global.mjs", "with-worker.mjs", "with-inline.mjs"], "", async (entry, folder) => {
    const root = dirname(entry);
    writePage(root, `<script type=module src=/${basename(entry)}></script>`);
    await vite.build({ root, configFile: false, base: "./", logLevel: "warn", build: { outDir: folder, emptyOutDir: false } });
  }));
}

const bundle = async (entry, output, plugins) => {
  const warnings = [];
  const built = await rollup({ input: entry, plugins, onwarn: ({ message }) => warnings.push(message) });
  await built.write({ name: "program", ...output });
  assert.deepEqual(warnings, []);
};
const pluginsFor = (entry) => entry.endsWith("interop.mjs") || entry.endsWith(".cjs") ? [commonjs()] : [];

for (const format of ["iife", "umd", "esm"]) {
  test(`rollup as ${format}`, options, (t) => visitAll(t, ALL, format === "esm" ? MODULE : SCRIPT, (entry, folder) =>
    bundle(entry, { format, file: join(folder, "main.js") }, pluginsFor(entry))));
}

test("rollup as cjs", { ...options, ...needsNode }, (t) => runAll(t, ALL, (entry, file) =>
  bundle(entry, { format: "cjs", file }, pluginsFor(entry))));

test("webpack 5 in production", options, (t) => visitAll(t, [...ALL, "with-worker.mjs"], SCRIPT, async (entry, path) => {
  const stats = await new Promise((resolve, reject) => webpack({ mode: "production", entry, output: { path, filename: "main.js" } },
    (error, stats) => error ? reject(error) : resolve(stats)));
  assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString());
  assert.ok(readdirSync(path).includes("main.js"));
}));
