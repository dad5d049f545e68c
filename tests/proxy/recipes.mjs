// The recipes of docs/proxies.md, as they stand there, and the proxies that run them. Only ports and names are replaced.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderFor, freePorts, run } from "./process.mjs";

const DOCUMENT = readFileSync(new URL("../../docs/proxies.md", import.meta.url), "utf8");

/** All blocks of code: the heading above, the language, the text. */
export const blocks = [...DOCUMENT.matchAll(/^## (?<heading>.*)$|^```(?<language>\w+)\n(?<text>[^]*?)^```$/gm)]
  .reduce(({ heading, all }, { groups }) => groups.heading
    ? { heading: groups.heading, all }
    : { heading, all: [...all, { heading, language: groups.language, text: groups.text }] }, { heading: "", all: [] }).all;

function block(heading, language) {
  const found = blocks.filter((it) => it.heading === heading && it.language === language);
  assert.equal(found.length, 1, `one block of ${language} below "${heading}"`);
  return found[0].text;
}

/** The flags of the command below a heading, without its address. */
export function flags(heading = "") {
  const [, words] = /^sockhop (.*) *\n$/.exec(block(heading, "sh"));
  const address = " --listen 127.0.0.1:8080";
  assert.ok(words.includes(address), words);
  return words.replace(address, "").trim().split(/ +/);
}

/** Each proxy: how it listens and finds Sockhop in its recipe, what stands around the recipe, and its command. */
export const PROXIES = {
  Caddy: {
    language: "caddy",
    listen: ["example.com {", (port) => `http://127.0.0.1:${port} {`],
    around: (recipe) => `{\n admin off\n}\n${recipe}`,
    command: (config) => ["caddy", "run", "--adapter", "caddyfile", "--config", config],
  },
  nginx: {
    language: "nginx",
    around: (recipe, { folder, port }) => `
      daemon off;
      master_process off;
      pid ${folder}/pid;
      events {}
      http {
        access_log off;
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        server { listen 127.0.0.1:${port}; ${recipe} }
      }`,
    command: (config, { folder }) => ["nginx", "-p", folder, "-c", config, "-e", "stderr"],
    upgrade: /^ *proxy_(http_version 1.1|set_header (Upgrade|Connection) .*);\n/gm,
  },
  HAProxy: {
    language: "haproxy",
    listen: ["bind :80\n", (port) => `bind 127.0.0.1:${port}\n`],
    around: (recipe, { folder }) => `global\n  stats socket ${folder}/stats\n${recipe}`,
    command: (config) => ["haproxy", "-db", "-f", config],
  },
  Apache: {
    language: "apache",
    around: (recipe, { folder, port }) => `
      ServerName localhost
      ServerRoot ${folder}
      Listen 127.0.0.1:${port}
      PidFile ${folder}/pid
      DefaultRuntimeDir ${folder}
      ErrorLog ${folder}/log
      ${["mpm_event", "authz_core", "proxy", "proxy_http"].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so\n`).join("")}
      ${recipe}`,
    command: (config) => ["apache2", "-DFOREGROUND", "-f", config],
    upgrade: / upgrade=websocket/,
  },
  lighttpd: {
    language: "lighttpd",
    find: ['"port" => 8080', (server) => `"port" => ${server}`],
    around: (recipe, { folder, port }) => `
      server.bind = "127.0.0.1"
      server.port = ${port}
      server.document-root = "${folder}"
      ${recipe}`,
    command: (config) => ["lighttpd", "-D", "-f", config],
    upgrade: /^.*"upgrade" => "enable".*\n/m,
  },
  Varnish: {
    language: "vcl",
    find: ['.port = "8080"', (server) => `.port = "${server}"`],
    around: (recipe) => recipe,
    command: (config, { folder, port }) => ["varnishd", "-F", "-n", join(folder, "varnish"), "-a", `127.0.0.1:${port}`, "-f", config],
    upgrade: /^ *return \(pipe\);\n/m,
  },
  Squid: {
    language: "squid",
    listen: ["http_port 80 ", (port) => `http_port 127.0.0.1:${port} `],
    find: ["127.0.0.1 parent 8080 ", (server) => `127.0.0.1 parent ${server} `],
    around: (recipe, { folder }) => `
      pid_filename none
      shutdown_lifetime 0 seconds
      access_log none
      cache_log ${folder}/log
      ${recipe}`,
    // Its shared memory is named after the service.
    command: (config, { port }) => ["squid", "-N", "-n", `sockhop${port}`, "-f", config],
    upgrade: /^http_upgrade_request_protocols .*\n/m,
  },
  "TCP proxies": {
    language: "haproxy",
    listen: ["bind :80\n", (port) => `bind 127.0.0.1:${port}\n`],
    around: (recipe) => recipe,
    command: (config) => ["haproxy", "-db", "-f", config],
  },
};

/** Runs the recipe below a heading in front of a server; `change` may change it before. */
export async function proxy(t, heading, server, change = (recipe) => recipe) {
  const { language, listen, find = ["127.0.0.1:8080", (port) => `127.0.0.1:${port}`], around, command } = PROXIES[heading];
  const folder = folderFor(t, language);
  const [port] = await freePorts(1);
  let recipe = change(block(heading, language));
  for (const [[text, by], value] of [[find, server.port], ...(listen ? [[listen, port]] : [])]) {
    assert.equal(recipe.split(text).length, 2, `${JSON.stringify(text)} once in ${recipe}`);
    recipe = recipe.replace(text, () => by(value));
  }
  const place = { folder, port };
  const config = join(folder, "config");
  writeFileSync(config, around(recipe, place));
  const home = join(folder, "home");
  mkdirSync(home);
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  await run(t, command(config, place), port, { env, cwd: folder });
  return place;
}
