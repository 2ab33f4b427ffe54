import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** The JDK's client as it is: it offers HTTP/2 by an upgrade on every plain request. Prints status and protocol of two requests. */
public final class Offer {
  public static void main(String[] args) throws Exception {
    var client = HttpClient.newHttpClient();
    for (var i = 0; i < 2; i++) {
      var get = HttpRequest.newBuilder(URI.create(args[0])).build();
      var answer = client.send(get, HttpResponse.BodyHandlers.ofString());
      System.out.println(answer.statusCode() + " " + answer.version() + " " + answer.body());
    }
    var put = HttpRequest.newBuilder(URI.create(args[1])).PUT(HttpRequest.BodyPublishers.ofString("from java")).build();
    var put200 = client.send(put, HttpResponse.BodyHandlers.ofString());
    System.out.println(put200.statusCode() + " " + put200.version());
  }
}
