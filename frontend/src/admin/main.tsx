import "./styles.css";
import { showTheme } from "@/lib/theme";
import { speakPanel } from "./language";

showTheme();
// What is shown reads its sentences as it is loaded, too.
void speakPanel()
  .then(() => import("./start"))
  .then(({ start }) => start());
