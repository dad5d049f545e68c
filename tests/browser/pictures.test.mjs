// Pictures of the page, for people to look at: target/browser/*.png.

import test from "node:test";
import { browse, open, options, panel, picture, serve } from "./sockhop.mjs";

const SIZES = {
  desktop: { viewport: { width: 1360, height: 900 } },
  dark: { viewport: { width: 1360, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

for (const [name, context] of Object.entries(SIZES)) {
  test(`pictures: ${name}`, options, async (t) => {
    const server = await serve(t);
    const browser = await browse(t, [], context);
    const page = await open(t, browser, server.url);
    const other = await open(t, browser, server.url);
    const go = async (app) => {
      await other.evaluate((app) => { location.hash = app; }, app);
      await panel(other, app);
      await page.evaluate((app) => { location.hash = app; }, app);
      return panel(page, app);
    };
    const shoot = (app) => picture(page, `${name}-${app}`, { fullPage: name === "phone" });

    const pong = await panel(page, "pong");
    await pong.locator(".pongs li").nth(1).waitFor();
    await pong.locator(".handshake summary").click();
    await shoot("pong");

    const chat = await go("chat");
    for (const [tab, who, words] of [[page, "Ada", "Is anybody here?"], [other, "Grace", "Right here, in the other tab."],
      [page, "Ada", "<b>This</b> stays text, whatever it looks like."], [other, "Grace", "And the server says what time it is."]]) {
      await tab.locator("#panel-chat [name=name]").fill(who);
      await tab.locator("#panel-chat [name=message]").fill(words);
      await tab.locator("#panel-chat [name=message]").press("Enter");
      await page.locator(`#panel-chat .chat li:has-text("${words.slice(-20)}")`).waitFor();
    }
    await shoot("chat");

    const relay = await go("relay");
    await other.locator("#panel-relay textarea").focus();
    for (let i = 0; i < 5; i++) await other.keyboard.press("ArrowDown");
    await relay.locator(".ghost").waitFor();
    await shoot("relay");

    const echo = await go("echo");
    await echo.locator("button", { hasText: "Send text" }).click();
    await echo.locator("button", { hasText: "Send bytes" }).click();
    await echo.locator(".echoes .good").nth(1).waitFor();
    await echo.locator(".log summary").last().click();
    await echo.locator("button", { hasText: "too many" }).click();
    await echo.locator(".echoes .bad").waitFor();
    await shoot("echo");

    const greet = await go("greet");
    await greet.locator("[name=message]").fill("May I have this dance?");
    await greet.locator("[name=message]").press("Enter");
    await greet.locator(".talk .theirs").nth(1).waitFor();
    await shoot("greet");
  });
}
