// A real nginx in front of sockhop, in a folder of its own on ports that were free.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderFor, freePorts, run } from "./process.mjs";

export const NAME = "app.test";

/** Passes /trimmed/ on without it, and /kept/ with it; over HTTP, and over TLS that ends here. */
export async function nginx(t, { trimmed, kept, passHost }) {
  const folder = folderFor(t, "nginx");
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${NAME}`,
    "-addext", `subjectAltName=DNS:${NAME}`, "-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")], { stdio: "ignore" });
  const [http, https] = await freePorts(2);
  const host = passHost ? "proxy_set_header Host $http_host;" : "# Host is that of proxy_pass.";
  const locations = `
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    ${host}
    location /trimmed/ { proxy_pass http://127.0.0.1:${trimmed}/; }
    location /kept/ { proxy_pass http://127.0.0.1:${kept}; }`;
  writeFileSync(join(folder, "nginx.conf"), `
daemon off;
master_process off;
pid ${folder}/pid;
events {}
http {
  access_log off;
  # Or its redirects would name a port that the browser does not know of.
  absolute_redirect off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; "" close; }
  server {
    listen 127.0.0.1:${http};${locations}
  }
  server {
    listen 127.0.0.1:${https} ssl;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;${locations}
  }
}
`);
  await run(t, ["nginx", "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], https);
  // To the browser these are the ports that a site has, so that its Host has none.
  const switches = [`--host-resolver-rules=MAP ${NAME}:80 127.0.0.1:${http}, MAP ${NAME}:443 127.0.0.1:${https}`,
    "--ignore-certificate-errors", "--disable-features=LocalNetworkAccessChecks"];
  return { switches, http: `http://${NAME}/`, https: `https://${NAME}/` };
}
