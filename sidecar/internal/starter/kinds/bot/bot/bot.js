// Opens pages of the challenge with the flag in a cookie. A browser in a container does without a sandbox of its own.
const fs = require("node:fs");
const http = require("node:http");
const puppeteer = require("puppeteer-core");

const flag = fs.readFileSync("flag.txt", "utf8").trim();

async function visit(path) {
	const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
	try {
		const page = await browser.newPage();
		await browser.setCookie({ name: "flag", value: flag, domain: "web" });
		await page.goto(new URL(path, "http://web:8080").href, { timeout: 10000 });
		await new Promise((done) => setTimeout(done, 2000));
	} finally {
		await browser.close();
	}
}

http.createServer(async (request, response) => {
	const path = new URL(request.url, "http://bot").searchParams.get("path") ?? "/";
	try {
		await visit(path);
		response.end("seen");
	} catch (error) {
		response.writeHead(500).end(String(error));
	}
}).listen(3000);
